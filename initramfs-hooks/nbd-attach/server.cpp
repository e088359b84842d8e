#include "initramfs-hooks/nbd-attach/server.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace bootview::nbd {
namespace {

class Deadline {
public:
    explicit Deadline(unsigned seconds) : end_(now() + std::int64_t{seconds} * 1000) {}
    int left() const { // ms
        const auto left = end_ - now();
        return left > 0 ? static_cast<int>(left) : 0;
    }

private:
    static std::int64_t now() {
        timespec time{};
        clock_gettime(CLOCK_MONOTONIC, &time);
        return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
    }
    std::int64_t end_;
};

// Waits until the socket is ready for `events`; errno is ETIMEDOUT when it took too long.
bool ready(int socket, short events, const Deadline& deadline) {
    pollfd waiting{socket, events, 0};
    int result = -1;
    do
        result = poll(&waiting, 1, deadline.left());
    while (result < 0 && errno == EINTR);
    if (result == 0)
        errno = ETIMEDOUT;
    return result > 0;
}

bool send_all(int socket, Bytes bytes, const Deadline& deadline) {
    while (!bytes.empty()) {
        if (!ready(socket, POLLOUT, deadline))
            return false;
        const auto sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0)
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
        else if (errno != EINTR && errno != EAGAIN)
            return false;
    }
    return true;
}

// False: an error, or the other side has closed, and then errno is 0.
bool receive_all(int socket, std::span<std::byte> bytes, const Deadline& deadline) {
    while (!bytes.empty()) {
        if (!ready(socket, POLLIN, deadline))
            return false;
        const auto got = recv(socket, bytes.data(), bytes.size(), 0);
        if (got == 0) {
            errno = 0;
            return false;
        }
        if (got > 0)
            bytes = bytes.subspan(static_cast<std::size_t>(got));
        else if (errno != EINTR && errno != EAGAIN)
            return false;
    }
    return true;
}

Descriptor open_connection(const Server& server, const Deadline& deadline) {
    Descriptor connection(socket(server.address()->sa_family,
                                 SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
    if (!connection)
        return connection;
    if (connect(connection.get(), server.address(), server.length()) != 0) {
        if (errno != EINPROGRESS || !ready(connection.get(), POLLOUT, deadline))
            return {};
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(connection.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
            errno = error;
            return {};
        }
    }
    return connection;
}

bool shake_hands(int socket, Handshake& handshake, const Deadline& deadline) {
    std::array<std::byte, 256> buffer;
    while (handshake.state() == Handshake::State::talking) {
        if (!send_all(socket, handshake.to_send(), deadline))
            return false;
        handshake.sent();
        const auto wanted = std::span(buffer).first(handshake.wanted());
        if (receive_all(socket, wanted, deadline))
            handshake.receive(wanted);
        else if (errno == 0 || errno == ECONNRESET || errno == EPIPE)
            handshake.closed();
        else
            return false;
    }
    return true;
}

// A server that has gone without a word is noticed within half a minute, also while nothing is
// asked of it; and the kernel waits for the socket itself.
void prepare_for_kernel(int socket) {
    const auto set = [&](int level, int option, int value) {
        setsockopt(socket, level, option, &value, sizeof value);
    };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
    set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set(IPPROTO_TCP, TCP_KEEPCNT, 4);
    // When the kernel drops a connection for a new one, it is reset, and what was not sent yet is
    // forgotten. All of that is sent again over the new one; retransmitted over the old one, too,
    // it could be written after newer data.
    const linger reset{1, 0};
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) & ~O_NONBLOCK);
}

} // namespace

bool Server::set(const char* address, std::uint16_t port) {
    host_ = address;
    port_ = port;
    auto& v4 = reinterpret_cast<sockaddr_in&>(address_);
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        length_ = sizeof v4;
        return true;
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    const char* zone = std::strchr(address, '%');
    const auto size =
        zone != nullptr ? static_cast<std::size_t>(zone - address) : std::strlen(address);
    if (size >= text.size())
        return false;
    std::memcpy(text.data(), address, size);
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address_);
    v6 = {};
    if (inet_pton(AF_INET6, text.data(), &v6.sin6_addr) != 1)
        return false;
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    v6.sin6_scope_id = zone != nullptr ? if_nametoindex(zone + 1) : 0;
    length_ = sizeof v6;
    return true;
}

Text Server::name() const {
    Text text;
    text << host_ << " port " << port_;
    return text;
}

Descriptor connect_to(const Server& server, std::string_view export_name, unsigned patience,
                      Export& found, Text& failure) {
    const Deadline deadline(patience);
    failure = Text();
    failure << server.name().view() << ": ";
    auto connection = open_connection(server, deadline);
    Handshake handshake(export_name);
    if (!connection || !shake_hands(connection.get(), handshake, deadline)) {
        failure << std::strerror(errno);
        return {};
    }
    if (handshake.state() == Handshake::State::failed) {
        failure << handshake.failure();
        return {};
    }
    prepare_for_kernel(connection.get());
    found = handshake.result();
    return connection;
}

} // namespace bootview::nbd
