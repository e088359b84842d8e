#include "bootview/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace bootview {

namespace {

constexpr int listen_backlog = 64;

SocketAddress ipv4(const std::string& text, std::uint16_t port) {
    SocketAddress result;
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    if (!text.empty())
        ::inet_pton(AF_INET, text.c_str(), &in.sin_addr);
    std::memcpy(&result.storage, &in, sizeof in);
    result.length = sizeof in;
    return result;
}

SocketAddress ipv6(const std::string& text, std::uint16_t port) {
    SocketAddress result;
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    if (!text.empty())
        ::inet_pton(AF_INET6, text.c_str(), &in.sin6_addr);
    std::memcpy(&result.storage, &in, sizeof in);
    result.length = sizeof in;
    return result;
}

Bound bind_to(SocketAddress address, Transport transport, bool both_families) {
    const int type = transport == Transport::tcp ? SOCK_STREAM : SOCK_DGRAM;
    Bound bound{Descriptor{::socket(address.family(), type | SOCK_CLOEXEC, 0)}, 0};
    const int fd = bound.socket.get();
    const int on = 1;
    const int only_ipv6 = both_families ? 0 : 1;
    bool good = fd >= 0;
    if (good && transport == Transport::tcp) // not kept from starting by connections of before
        good = ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
    if (good && address.family() == AF_INET6)
        good = ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_ipv6, sizeof only_ipv6) == 0;
    good = good && ::bind(fd, address.get(), address.length) == 0;
    if (good && transport == Transport::tcp)
        good = ::listen(fd, listen_backlog) == 0;
    if (!good) {
        bound.error = errno;
        bound.socket.reset();
    }
    return bound;
}

} // namespace

SocketAddress socket_address(const Address& address, std::uint16_t port) {
    return address.is_ipv6() ? ipv6(address.text, port) : ipv4(address.text, port);
}

bool Address::is_any() const {
    return text.empty() || text == "0.0.0.0" || text == "::";
}

std::string Address::in_uri() const {
    return is_ipv6() ? "[" + text + "]" : text;
}

std::optional<Address> parse_address(const std::string& text) {
    std::string bare = text;
    if (bare.size() > 2 && bare.front() == '[' && bare.back() == ']')
        bare = bare.substr(1, bare.size() - 2);
    if (bare.empty() || bare == "*")
        return Address{};
    std::array<unsigned char, sizeof(in6_addr)> ignored{};
    const int family = bare.find(':') == std::string::npos ? AF_INET : AF_INET6;
    if (::inet_pton(family, bare.c_str(), ignored.data()) != 1)
        return std::nullopt;
    return Address{bare};
}

Bound bind_port(const Address& address, std::uint16_t port, Transport transport) {
    if (!address.text.empty())
        return bind_to(socket_address(address, port), transport, false);
    Bound both = bind_to(ipv6({}, port), transport, true);
    if (both.error == EAFNOSUPPORT || both.error == EADDRNOTAVAIL) // no IPv6 on this machine
        return bind_to(ipv4({}, port), transport, false);
    return both;
}

std::uint16_t port_of(int socket) {
    SocketAddress address;
    address.length = sizeof address.storage;
    if (::getsockname(socket, address.get(), &address.length) != 0)
        return 0;
    // The port lies at the same place for both families.
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    sockaddr_in in{};
    std::memcpy(&in, &address.storage, sizeof in);
    return ntohs(in.sin_port);
}

std::string own_address() {
    // Connecting a UDP socket only asks the routing table (192.0.2.0/24 is TEST-NET-1, RFC 5737).
    const Descriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    SocketAddress outside = ipv4("192.0.2.1", 9);
    sockaddr_in own{};
    socklen_t length = sizeof own;
    std::array<char, INET_ADDRSTRLEN> text{};
    if (!socket || ::connect(socket.get(), outside.get(), outside.length) != 0 ||
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &length) != 0 ||
        ::inet_ntop(AF_INET, &own.sin_addr, text.data(), text.size()) == nullptr)
        return "127.0.0.1";
    return text.data();
}

} // namespace bootview
