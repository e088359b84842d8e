#include "bootview/monitor/http_get.h"

#include "common/unix_socket.h"

#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>

namespace bootview::monitor {

namespace {

constexpr std::size_t longest_answer = std::size_t{64} << 20;

} // namespace

std::optional<std::string> http_get(const std::string& socket, const std::string& path,
                                    std::chrono::milliseconds patience) {
    const Descriptor fd = connect_to(socket, SOCK_STREAM);
    const std::string request = "GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
    if (!fd || ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0)
        return std::nullopt;

    std::string answer;
    const auto end = std::chrono::steady_clock::now() + patience;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        pollfd wait{fd.get(), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) == 0)
            return std::nullopt;
        std::array<char, 65536> part;
        const auto length = ::recv(fd.get(), part.data(), part.size(), 0);
        if (length < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (length <= 0)
            break;
        answer.append(part.data(), static_cast<std::size_t>(length));
        if (answer.size() > longest_answer)
            return std::nullopt;
    }
    const auto body = answer.find("\r\n\r\n");
    if (body == std::string::npos || answer.compare(0, 12, "HTTP/1.0 200") != 0)
        return std::nullopt;
    return answer.substr(body + 4);
}

} // namespace bootview::monitor
