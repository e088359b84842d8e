// The two addresses DHCP is about, as values. Pure.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace bootview::dhcp {

// An IPv4 address; `value` in host byte order.
struct Ipv4 {
    std::uint32_t value = 0;

    auto operator<=>(const Ipv4&) const = default;
    bool is_zero() const { return value == 0; }
    std::string to_string() const; // "192.0.2.1"
    static std::optional<Ipv4> from_text(std::string_view text);
};

inline constexpr Ipv4 broadcast_address{0xffffffff};

// An Ethernet address.
struct Mac {
    std::array<std::uint8_t, 6> bytes{};

    auto operator<=>(const Mac&) const = default;
    std::string to_string(char separator = ':') const; // "dc:a6:32:01:36:c2"
    // In any of the spellings of common/board_name.h.
    static std::optional<Mac> from_text(std::string_view text);
};

struct MacHash {
    std::size_t operator()(const Mac& mac) const {
        std::uint64_t all = 0;
        for (const auto byte : mac.bytes)
            all = all << 8 | byte;
        return std::hash<std::uint64_t>{}(all);
    }
};

} // namespace bootview::dhcp
