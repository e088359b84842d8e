#include "tftp-bridge/tftp/udp_socket.h"

#include "common/port_holder.h"
#include "tftp-bridge/tftp/random_number.h"
#include "tftp-bridge/tftp/start_error.h"

#include <fcntl.h>
#include <netinet/in.h>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace bootview::tftp {
namespace {

constexpr std::uint32_t ipv4_and_udp_and_tftp = 20 + 8 + 4;
constexpr std::uint32_t ipv6_and_udp_and_tftp = 40 + 8 + 4;

void set_option(int fd, int level, int option, int value) {
    setsockopt(fd, level, option, &value, sizeof value);
}

Endpoint any_address(sa_family_t family, std::uint16_t port) {
    Endpoint result;
    result.family = family;
    result.port = port;
    return result;
}

// What a listening socket has to tell with each request: the address that was asked.
void ask_for_addresses(int fd, bool ipv4, bool ipv6) {
    if (ipv6)
        set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    // On a dual-stack socket too: only this one tells broadcasts from what was sent to us alone.
    if (ipv4)
        set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    // A hundred machines switched on at once ask at once.
    set_option(fd, SOL_SOCKET, SO_RCVBUF, 1 << 20);
}

// A bound socket, or none and errno.
Descriptor open_listening_socket(const Endpoint& endpoint, bool dual_stack) {
    Descriptor fd(socket(endpoint.family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd)
        return fd;
    const bool ipv6 = endpoint.family == AF_INET6;
    if (ipv6)
        set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, dual_stack ? 0 : 1);
    ask_for_addresses(fd.get(), !ipv6 || dual_stack, ipv6);
    sockaddr_storage storage;
    const auto length = endpoint.to_sockaddr(storage);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0)
        fd.reset();
    return fd;
}

[[noreturn]] void cannot_listen(const Endpoint& endpoint, int error) {
    const auto where = endpoint.to_string();
    switch (error) {
    case EADDRINUSE: {
        const auto holder = find_port_holder(endpoint.port, Transport::udp);
        throw StartError(
            fmt::format("cannot listen on {}: UDP port {} is in use{}; stop that program or "
                        "choose another address or port with --listen ADDR:PORT",
                        where, endpoint.port,
                        holder ? fmt::format(" by {} (pid {})", holder->name, holder->pid) : ""));
    }
    case EACCES:
    case EPERM:
        throw StartError(
            fmt::format("cannot listen on {}: ports below 1024 need a privilege; give the "
                        "program CAP_NET_BIND_SERVICE (its systemd unit does, or run it as "
                        "root) or choose a higher port with --listen ADDR:PORT",
                        where));
    case EADDRNOTAVAIL:
        throw StartError(
            fmt::format("cannot listen on {}: no network interface has this address; choose "
                        "one that \"ip address\" shows, or :{} for all",
                        where, endpoint.port));
    default:
        throw StartError(
            fmt::format("cannot listen on {}: {}; choose another address with --listen "
                        "ADDR:PORT",
                        where, std::strerror(error)));
    }
}

Endpoint address_of(int fd) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
    return Endpoint::from_sockaddr(storage);
}

// The address a request was sent to, and the interface; nothing for a broadcast or multicast. A
// request that waited in a socket of the service manager's (without PassPacketInfo=) lacks some of
// that: of IPv4 comes the address at least, of IPv6 nothing, then it is `unknown`.
std::optional<Endpoint> local_address(msghdr& message, unsigned& interface,
                                      const Endpoint& unknown) {
    std::optional<Endpoint> local = unknown;
    for (auto* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            in_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            const bool waited = info.ipi_spec_dst.s_addr == 0 && info.ipi_ifindex == 0;
            if (waited && info.ipi_addr.s_addr != INADDR_BROADCAST)
                info.ipi_spec_dst = info.ipi_addr;
            if (info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr)
                return std::nullopt;
            local = any_address(AF_INET, 0);
            std::memcpy(local->address.data(), &info.ipi_addr, 4);
            interface = static_cast<unsigned>(info.ipi_ifindex);
            return local;
        }
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
                return std::nullopt;
            if (IN6_IS_ADDR_V4MAPPED(&info.ipi6_addr))
                continue; // IP_PKTINFO comes too
            interface = info.ipi6_ifindex;
            local = any_address(AF_INET6, 0);
            std::memcpy(local->address.data(), &info.ipi6_addr, 16);
            if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
                local->scope = info.ipi6_ifindex;
        }
    }
    return local;
}

} // namespace

Listener::Listener(const ListenAddress& address) {
    Endpoint wanted = address.endpoint.value_or(any_address(AF_INET6, address.port));
    fd_ = open_listening_socket(wanted, !address.endpoint);
    if (!fd_ && !address.endpoint && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        wanted = any_address(AF_INET, address.port); // a machine without IPv6
        fd_ = open_listening_socket(wanted, false);
    }
    if (!fd_)
        cannot_listen(wanted, errno);
    address_ = address_of(fd_.get());
}

Listener::Listener(Descriptor inherited) : fd_(std::move(inherited)) {
    int type = 0, domain = 0;
    socklen_t length = sizeof type;
    if (getsockopt(fd_.get(), SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_DGRAM ||
        getsockopt(fd_.get(), SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 ||
        (domain != AF_INET && domain != AF_INET6))
        throw StartError("a socket that the service manager handed over is no UDP socket; write "
                         "ListenDatagram= in its .socket unit");
    fcntl(fd_.get(), F_SETFL, fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
    ask_for_addresses(fd_.get(), true, domain == AF_INET6);
    address_ = address_of(fd_.get());
}

std::optional<ReceivedRequest> Listener::receive(std::span<std::byte, max_request_bytes + 1> buffer,
                                                 bool& more) {
    sockaddr_storage storage{};
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<std::byte, 128> control;
    msghdr message{};
    message.msg_name = &storage;
    message.msg_namelen = sizeof storage;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();

    const auto length = recvmsg(fd_.get(), &message, 0);
    more = length >= 0 || errno == EINTR;
    if (length < 0)
        return std::nullopt;
    const auto client = Endpoint::from_sockaddr(storage);
    auto unknown = any_address(client.family, 0);
    if (address_.family == client.family)
        unknown.address = address_.address;
    unsigned interface = 0;
    const auto local = local_address(message, interface, unknown);
    if (!local || client.port == 0)
        return std::nullopt;
    return ReceivedRequest{Bytes(buffer).first(static_cast<std::size_t>(length)), client, *local,
                           interface};
}

Descriptor open_transfer_socket(const Endpoint& local, const Endpoint& client,
                                const PortRange& ports) {
    Descriptor fd(socket(client.family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd)
        return fd;
    const timeval patience{
        0, std::chrono::duration_cast<std::chrono::microseconds>(longest_wait).count()};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    // By chance, as the system chooses too: whoever forges a source address must not know the port
    // that it would have to acknowledge to. When most are taken, those that follow a random one.
    const std::uint32_t count = std::uint32_t{ports.last} - ports.first + 1;
    sockaddr_storage storage;
    int result = -1;
    constexpr std::uint32_t random_choices = 32;
    std::uint32_t next = 0;
    for (std::uint32_t tried = 0; result != 0 && tried < random_choices + count; ++tried) {
        next = tried <= random_choices ? random_below(count) : next + 1;
        Endpoint bound = local;
        bound.port = static_cast<std::uint16_t>(ports.first + next % count);
        const auto length = bound.to_sockaddr(storage);
        result = bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length);
        if (result != 0 && errno != EADDRINUSE)
            break;
    }
    const auto length = client.to_sockaddr(storage);
    if (result != 0 || connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0)
        fd.reset();
    return fd;
}

std::optional<std::uint32_t> largest_unfragmented_block(int socket, sa_family_t family) {
    int mtu = 0;
    socklen_t length = sizeof mtu;
    const bool v6 = family == AF_INET6;
    const auto headers = v6 ? ipv6_and_udp_and_tftp : ipv4_and_udp_and_tftp;
    if (getsockopt(socket, v6 ? int{IPPROTO_IPV6} : int{IPPROTO_IP}, v6 ? IPV6_MTU : IP_MTU, &mtu,
                   &length) != 0 ||
        mtu <= static_cast<int>(headers))
        return std::nullopt;
    return static_cast<std::uint32_t>(mtu) - headers;
}

} // namespace bootview::tftp
