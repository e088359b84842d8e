#include "nbdkit-plugin/client_link.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace bootview::plugin {

namespace {

bool is_same(const sockaddr_storage& one, const sockaddr_storage& other) {
    if (one.ss_family != other.ss_family)
        return false;
    if (one.ss_family == AF_INET) {
        const auto& a = reinterpret_cast<const sockaddr_in&>(one);
        const auto& b = reinterpret_cast<const sockaddr_in&>(other);
        return a.sin_port == b.sin_port && a.sin_addr.s_addr == b.sin_addr.s_addr;
    }
    const auto& a = reinterpret_cast<const sockaddr_in6&>(one);
    const auto& b = reinterpret_cast<const sockaddr_in6&>(other);
    return one.ss_family == AF_INET6 && a.sin6_port == b.sin6_port &&
           a.sin6_scope_id == b.sin6_scope_id && IN6_ARE_ADDR_EQUAL(&a.sin6_addr, &b.sin6_addr);
}

} // namespace

TcpLink::TcpLink(Descriptor socket) : socket_(std::move(socket)) {
    socklen_t size = sizeof idle_;
    ::getsockopt(socket_.get(), IPPROTO_TCP, TCP_KEEPIDLE, &idle_, &size);
}

void TcpLink::set(int level, int option, int value) noexcept {
    ::setsockopt(socket_.get(), level, option, &value, sizeof value);
}

Life TcpLink::look() noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return {.ended = true};
    return {.ended = info.tcpi_state != TCP_ESTABLISHED,
            .silent = std::chrono::milliseconds{
                std::min(info.tcpi_last_ack_recv, info.tcpi_last_data_recv)}};
}

void TcpLink::ask() noexcept {
    // The kernel counts from the last packet received, and so sends a probe at once.
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 1);
}

void TcpLink::stop_asking() noexcept {
    set(IPPROTO_TCP, TCP_KEEPIDLE, idle_);
}

void TcpLink::be_impatient() noexcept {
    idle_ = 5;
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, 18000); // milliseconds; the others are seconds
    set(IPPROTO_TCP, TCP_KEEPINTVL, 3);
    set(IPPROTO_TCP, TCP_KEEPCNT, 3);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, idle_);
}

void TcpLink::end() noexcept {
    ::shutdown(socket_.get(), SHUT_RDWR);
}

Descriptor find_connection(const sockaddr_storage& peer) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd", error}) {
        const std::string name = entry.path().filename().string();
        int fd = -1;
        std::from_chars(name.data(), name.data() + name.size(), fd);
        sockaddr_storage found{};
        socklen_t length = sizeof found;
        if (::getpeername(fd, reinterpret_cast<sockaddr*>(&found), &length) != 0 ||
            !is_same(found, peer))
            continue;
        // Looked at once more: another thread may have closed it and opened another file.
        Descriptor own{::fcntl(fd, F_DUPFD_CLOEXEC, 0)};
        length = sizeof found;
        if (::getpeername(own.get(), reinterpret_cast<sockaddr*>(&found), &length) == 0 &&
            is_same(found, peer))
            return own;
    }
    return {};
}

} // namespace bootview::plugin
