#include "events/listener.h"

#include "common/unix_socket.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bootview::events {

namespace {

constexpr std::size_t most_parts = 256;
// At one look, so that a part that tells a lot keeps nobody else waiting.
constexpr int most_events = 64;

void watch(int epoll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

} // namespace

Listener::Listener(std::string path, Handlers handlers)
    : path_(std::move(path)), handlers_(std::move(handlers)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)), listener_(listen_at(path_, SOCK_SEQPACKET)) {
    if (!epoll_ || !listener_)
        throw std::runtime_error(
            path_ + ": " + std::strerror(errno) +
            (errno == EADDRINUSE ? "; another bootview monitor has this socket: name another one"
                                 : "; name a place where this user may make a socket"));
    acceptor_.emplace(epoll_.get(), listener_.get(), epoll_data_t{.fd = listener_.get()});
}

Listener::~Listener() {
    ::unlink(path_.c_str());
}

void Listener::handle() {
    std::array<epoll_event, 32> ready;
    const int count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), 0);
    for (int i = 0; i < count; ++i) {
        const int fd = ready[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_.get())
            accept_part();
        else
            hear(fd);
    }
}

void Listener::accept_part() {
    Descriptor socket = acceptor_->accept();
    if (!socket || parts_.size() >= most_parts)
        return;
    const int fd = socket.get();
    watch(epoll_.get(), fd);
    parts_.insert_or_assign(fd, Part{std::move(socket), next_++});
}

void Listener::hear(int fd) {
    const auto part = parts_.find(fd);
    if (part == parts_.end())
        return;
    std::array<char, longest> packet;
    for (int i = 0; i < most_events; ++i) {
        const auto length = ::recv(fd, packet.data(), packet.size(), MSG_DONTWAIT);
        if (length < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (length <= 0) {
            const auto number = part->second.number;
            parts_.erase(part);
            handlers_.gone(number);
            return;
        }
        if (const auto event = from_json({packet.data(), static_cast<std::size_t>(length)}))
            handlers_.event(part->second.number, *event);
    }
}

} // namespace bootview::events
