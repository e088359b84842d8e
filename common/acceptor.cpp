#include "common/acceptor.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

namespace bootview {
namespace {

Descriptor open_spare() {
    return Descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

Descriptor accept_from(int listener) {
    return Descriptor{::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
}

bool is_out_of_resources(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

} // namespace

Acceptor::Acceptor(int epoll, int listener, epoll_data_t data)
    : epoll_(epoll), listener_(listener), data_(data), spare_(open_spare()) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data = data_;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
}

Descriptor Acceptor::accept() {
    auto connection = accept_from(listener_);
    if (connection) {
        if (edge_triggered_)
            watch(false);
        if (!spare_)
            spare_ = open_spare();
        return connection;
    }
    if (!is_out_of_resources(errno))
        return connection;
    const bool had_spare = static_cast<bool>(spare_);
    spare_.reset();
    if (had_spare)
        accept_from(listener_); // and closed
    spare_ = open_spare();
    if (!spare_ && !edge_triggered_)
        watch(true);
    return {};
}

void Acceptor::watch(bool edge_triggered) {
    edge_triggered_ = edge_triggered;
    epoll_event event{};
    event.events = EPOLLIN;
    if (edge_triggered)
        event.events |= EPOLLET;
    event.data = data_;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, listener_, &event);
}

} // namespace bootview
