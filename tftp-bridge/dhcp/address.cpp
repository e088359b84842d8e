#include "tftp-bridge/dhcp/address.h"

#include <fmt/format.h>

#include <charconv>

namespace bootview::dhcp {
namespace {

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return std::nullopt;
}

} // namespace

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
    const bool separated = text.size() == 17;
    if (!separated && text.size() != 12)
        return std::nullopt;
    const char separator = separated ? text[2] : ':';
    if (separator != ':' && separator != '-')
        return std::nullopt;
    Mac mac;
    for (std::size_t i = 0; i < mac.bytes.size(); ++i) {
        const std::size_t at = i * (separated ? 3 : 2);
        if (separated && i > 0 && text[at - 1] != separator)
            return std::nullopt;
        const auto high = hex_digit(text[at]);
        const auto low = hex_digit(text[at + 1]);
        if (!high || !low)
            return std::nullopt;
        mac.bytes[i] = static_cast<std::uint8_t>(*high << 4 | *low);
    }
    return mac;
}

} // namespace bootview::dhcp
