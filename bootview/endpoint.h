// Addresses and ports: what --listen means, and sockets bound to it.
#pragma once

#include "common/descriptor.h"
#include "common/port_holder.h"

#include <cstdint>
#include <optional>
#include <string>

#include <sys/socket.h>

namespace bootview {

// An IPv4 or IPv6 address in numbers; empty means every address of the machine.
struct Address {
    std::string text;

    bool is_any() const;
    bool is_ipv6() const { return text.find(':') != std::string::npos; }
    // "127.0.0.1", "[::1]": as it stands before ":PORT" and in a URI. Empty for every address.
    std::string in_uri() const;
};

// Takes "192.0.2.1", "::1", "[::1]", "*" and ""; nothing else.
std::optional<Address> parse_address(const std::string& text);

inline constexpr std::uint16_t default_nbd_port = 10809; // IANA: nbd
inline constexpr std::uint16_t default_tftp_port = 69;   // IANA: tftp

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    int family() const { return storage.ss_family; }
};

// For bind(2) and its like; without a text that of every address, of IPv4.
SocketAddress socket_address(const Address& address, std::uint16_t port);

// The outcome of binding a port: a socket, or the errno value.
struct Bound {
    Descriptor socket;
    int error = 0;
};

// TCP is listening afterwards. Every address: IPv6 and IPv4 in one socket where the machine has
// IPv6. Port 0 takes a free one.
Bound bind_port(const Address& address, std::uint16_t port, Transport transport);

std::uint16_t port_of(int socket);

// The address by which this machine is most likely reached from outside, for messages; sends
// nothing. "127.0.0.1" without a network.
std::string own_address();

} // namespace bootview
