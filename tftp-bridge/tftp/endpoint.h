// An IP address and a UDP port, as a value that can be compared, hashed and printed.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bootview::tftp {

struct Endpoint {
    sa_family_t family = AF_UNSPEC;         // AF_INET or AF_INET6
    std::uint16_t port = 0;                 // host byte order
    std::array<std::uint8_t, 16> address{}; // network byte order; IPv4 uses the first four
    std::uint32_t scope = 0;                // interface index of a link-local IPv6 address

    bool operator==(const Endpoint&) const = default;

    // IPv4 mapped into IPv6 (RFC 4291 §2.5.5.2), which a dual-stack socket delivers, becomes IPv4.
    static Endpoint from_sockaddr(const sockaddr_storage& storage);
    static std::optional<Endpoint> from_text(std::string_view address, std::uint16_t port);
    socklen_t to_sockaddr(sockaddr_storage& storage) const;
    // As the socket `fd` takes it: one of IPv6 wants IPv4 mapped into IPv6.
    socklen_t to_sockaddr_for(int fd, sockaddr_storage& storage) const;
    std::string address_to_string() const; // "192.0.2.1", "2001:db8::1"
    std::string to_string() const;         // "192.0.2.1:69", "[2001:db8::1]:69"
};

struct EndpointHash {
    std::size_t operator()(const Endpoint& endpoint) const;
};

// What --listen says: an address and a port; without an address all of them, of both families.
struct ListenAddress {
    std::optional<Endpoint> endpoint;
    std::uint16_t port = 69;
};

// "ADDR", "ADDR:PORT", ":PORT", "[ADDR6]", "[ADDR6]:PORT". Throws StartError.
ListenAddress parse_listen_address(std::string_view text);

} // namespace bootview::tftp
