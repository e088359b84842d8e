#include "tftp-bridge/tftp/metrics_server.h"

#include "tftp-bridge/tftp/endpoint.h"
#include "tftp-bridge/tftp/start_error.h"

#include <fmt/format.h>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <utility>

namespace bootview::tftp {
namespace {

constexpr std::size_t most_connections = 16;

[[noreturn]] void cannot_listen(const std::string& where) {
    throw StartError(
        fmt::format("--metrics {}: {}; name another port, or the path of a socket in a "
                    "directory that this user may write to",
                    where, std::strerror(errno)));
}

Descriptor open_socket(int family) {
    return Descriptor(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

// A socket that somebody still listens on is not taken from them.
bool is_left_over(const sockaddr_un& address) {
    const auto probe = open_socket(AF_UNIX);
    return connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
           errno == ECONNREFUSED;
}

Descriptor listen_on_path(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        cannot_listen(path);
    }
    path.copy(address.sun_path, path.size());
    auto fd = open_socket(AF_UNIX);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    int result = bind(fd.get(), generic, sizeof address);
    if (result != 0 && errno == EADDRINUSE && is_left_over(address)) {
        unlink(path.c_str());
        result = bind(fd.get(), generic, sizeof address);
    }
    if (result != 0 || listen(fd.get(), most_connections) != 0)
        cannot_listen(path);
    return fd;
}

Descriptor listen_on_loopback(const std::string& where, std::string& address) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(where.data(), where.data() + where.size(), port);
    if (where.empty() || error != std::errc() || end != where.data() + where.size())
        throw StartError(fmt::format("--metrics {}: write a port number, which will be one of "
                                     "127.0.0.1, or the path of a socket, beginning with /",
                                     where));
    auto fd = open_socket(AF_INET);
    const int on = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_storage storage;
    auto length = Endpoint::from_text("127.0.0.1", port)->to_sockaddr(storage);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0 ||
        listen(fd.get(), most_connections) != 0)
        cannot_listen(where);
    getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &length);
    address = Endpoint::from_sockaddr(storage).to_string();
    return fd;
}

void watch(int epoll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

} // namespace

MetricsServer::MetricsServer(const std::string& where, std::function<std::string()> text)
    : text_(std::move(text)), address_(where), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (where.starts_with('/')) {
        listener_ = listen_on_path(where);
        path_ = where;
    } else {
        listener_ = listen_on_loopback(where, address_);
    }
    watch(epoll_.get(), listener_.get());
}

MetricsServer::~MetricsServer() {
    if (!path_.empty())
        unlink(path_.c_str());
}

void MetricsServer::serve() {
    std::array<epoll_event, most_connections + 1> events;
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_.get())
            accept_one();
        else
            answer(fd);
    }
}

void MetricsServer::accept_one() {
    Descriptor connection(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!connection)
        return;
    if (connections_.size() == most_connections)
        connections_.pop_front();
    watch(epoll_.get(), connection.get());
    connections_.push_back(std::move(connection));
}

// Whatever was asked: the answer is always the same, and short enough for the socket's buffer.
void MetricsServer::answer(int connection) {
    const auto found =
        std::find_if(connections_.begin(), connections_.end(),
                     [connection](const Descriptor& fd) { return fd.get() == connection; });
    if (found == connections_.end())
        return; // pushed out in this very turn
    std::array<char, 4096> request;
    if (recv(connection, request.data(), request.size(), 0) > 0) {
        const auto text = text_();
        const auto response =
            fmt::format("HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                        "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
                        text.size(), text);
        [[maybe_unused]] const auto sent =
            send(connection, response.data(), response.size(), MSG_NOSIGNAL);
        shutdown(connection, SHUT_WR);
    }
    connections_.erase(found);
}

} // namespace bootview::tftp
