#include "bootview/readiness.h"

#include "bootview/failure.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

namespace bootview {

namespace {

bool has_line(std::string_view text, std::string_view wanted) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        if (text.substr(0, end) == wanted)
            return true;
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return false;
}

} // namespace

NotifySocket::NotifySocket()
    : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    // Bound without a name: the kernel picks a free abstract one (unix(7), "Autobind"), which
    // leaves nothing behind on any disk. Whoever sends is known by SO_PASSCRED.
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socklen_t length = sizeof(sa_family_t);
    const int on = 1;
    if (!socket_ || ::setsockopt(socket_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
        ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), length) != 0)
        throw Failure(fmt::format("can't make a notification socket: {}", std::strerror(errno)));
    length = sizeof address;
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    name_ = "@" + std::string(address.sun_path + 1, length - offsetof(sockaddr_un, sun_path) - 1);
}

bool NotifySocket::take_ready() {
    bool ready = false;
    for (;;) {
        std::array<char, 4096> text{};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
        iovec part{text.data(), text.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ready;
        const cmsghdr* header = CMSG_FIRSTHDR(&message);
        if (header == nullptr || header->cmsg_type != SCM_CREDENTIALS)
            continue;
        ucred sender{};
        std::memcpy(&sender, CMSG_DATA(header), sizeof sender);
        if (sender.uid != ::geteuid() && sender.uid != 0)
            continue;
        ready = ready || has_line({text.data(), static_cast<std::size_t>(got)}, "READY=1");
    }
}

NbdGreeting::NbdGreeting(const Address& address, std::uint16_t port) {
    const Address loopback{address.is_ipv6() ? "::1" : "127.0.0.1"};
    SocketAddress to = socket_address(address.is_any() ? loopback : address, port);
    socket_.reset(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(socket_.get(), to.get(), to.length) != 0 && errno != EINPROGRESS)
        socket_.reset();
}

bool NbdGreeting::take_ready() {
    constexpr std::string_view greeting = "NBDMAGICIHAVEOPT"; // and two bytes of flags
    std::array<char, 64> buffer{};
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            socket_.reset();
        return false;
    }
    received_.append(buffer.data(), static_cast<std::size_t>(got));
    if (received_.size() < greeting.size() + 2)
        return false;
    // Client flags "fixed newstyle, no zeroes", then NBD_OPT_ABORT without data.
    constexpr std::string_view farewell{"\0\0\0\3IHAVEOPT\0\0\0\2\0\0\0\0", 20};
    const bool ready = std::string_view(received_).starts_with(greeting);
    if (ready) {
        [[maybe_unused]] const auto sent =
            ::send(socket_.get(), farewell.data(), farewell.size(), MSG_NOSIGNAL);
        // Closing with unread data would reset the connection: the server's reply may still come.
        ::shutdown(socket_.get(), SHUT_WR);
    }
    return ready;
}

} // namespace bootview
