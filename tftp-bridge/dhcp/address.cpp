#include "tftp-bridge/dhcp/address.h"

#include "common/board_name.h"

#include <fmt/format.h>

#include <charconv>

namespace bootview::dhcp {
std::string Ipv4::to_string() const {
    return fmt::format("{}.{}.{}.{}", value >> 24, value >> 16 & 0xff, value >> 8 & 0xff,
                       value & 0xff);
}

std::optional<Ipv4> Ipv4::from_text(std::string_view text) {
    std::uint32_t value = 0;
    const char* at = text.data();
    const char* const end = at + text.size();
    for (int i = 0; i < 4; ++i) {
        if (i > 0 && (at == end || *at++ != '.'))
            return std::nullopt;
        std::uint8_t part = 0;
        const auto [next, error] = std::from_chars(at, end, part);
        if (error != std::errc{} || next == at || next - at > 3)
            return std::nullopt;
        value = value << 8 | part;
        at = next;
    }
    if (at != end)
        return std::nullopt;
    return Ipv4{value};
}

std::string Mac::to_string(char separator) const {
    std::string text;
    for (const auto byte : bytes) {
        if (!text.empty())
            text += separator;
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

std::optional<Mac> Mac::from_text(std::string_view text) {
    const auto bytes = mac_bytes(text);
    return bytes ? std::optional(Mac{*bytes}) : std::nullopt;
}

} // namespace bootview::dhcp
