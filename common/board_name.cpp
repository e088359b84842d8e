#include "common/board_name.h"

#include <algorithm>
#include <charconv>

namespace bootview {
namespace {

constexpr std::size_t max_serial_digits = 16;

bool has_hex_mark(std::string_view text) {
    return text.starts_with("0x") || text.starts_with("0X");
}

template<typename Number>
std::optional<Number> hex_number(std::string_view digits) {
    Number number = 0;
    const auto* end = digits.data() + digits.size();
    // from_chars() takes a minus sign for signed numbers alone.
    const auto [stop, error] = std::from_chars(digits.data(), end, number, 16);
    if (error != std::errc{} || stop != end)
        return std::nullopt;
    return number;
}

// As many bytes as there are groups between the separators, or as there are pairs of digits.
template<std::size_t size>
std::optional<std::array<std::uint8_t, size>> bytes_of_digits(std::string_view digits) {
    if (digits.size() != 2 * size)
        return std::nullopt;
    std::array<std::uint8_t, size> bytes{};
    for (std::size_t i = 0; i < size; ++i) {
        const auto byte = hex_number<std::uint8_t>(digits.substr(2 * i, 2));
        if (!byte)
            return std::nullopt;
        bytes[i] = *byte;
    }
    return bytes;
}

std::optional<MacBytes> bytes_of_groups(std::string_view text, char separator) {
    MacBytes mac{};
    for (std::size_t i = 0; i < mac.size(); ++i) {
        const auto end = text.find(separator);
        const auto group = text.substr(0, end);
        const auto byte = hex_number<std::uint8_t>(group);
        if (!byte || group.size() > 2 || (end == std::string_view::npos) != (i + 1 == mac.size()))
            return std::nullopt;
        mac[i] = *byte;
        text.remove_prefix(std::min(group.size() + 1, text.size()));
    }
    return mac;
}

// "pxelinux.cfg/01-dc-a6-32-01-36-c2": 1 is Ethernet (RFC 1700, "Hardware Type").
std::string_view without_hardware_type(std::string_view text) {
    const bool has_type = text.size() == 20 && (text.starts_with("01-") || text.starts_with("01:"));
    return has_type ? text.substr(3) : text;
}

} // namespace

std::optional<std::uint32_t> serial_number(std::string_view text) {
    if (has_hex_mark(text))
        text.remove_prefix(2);
    if (text.empty() || text.size() > max_serial_digits)
        return std::nullopt;
    const auto number = hex_number<std::uint64_t>(text);
    return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

std::optional<MacBytes> mac_bytes(std::string_view text) {
    for (const char separator : {':', '-'})
        if (text.find(separator) != std::string_view::npos)
            return bytes_of_groups(text, separator);
    // As Cisco's switches write it.
    if (text.size() == 14 && text[4] == '.' && text[9] == '.') {
        std::array<char, 12> digits{};
        std::copy_if(text.begin(), text.end(), digits.begin(), [](char c) { return c != '.'; });
        return bytes_of_digits<6>({digits.data(), digits.size()});
    }
    return bytes_of_digits<6>(text);
}

std::optional<UuidBytes> uuid_bytes(std::string_view text) {
    if (text.starts_with('{') && text.ends_with('}'))
        text = text.substr(1, text.size() - 2);
    if (text.size() != 36)
        return bytes_of_digits<16>(text);
    std::array<char, 32> digits{};
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool hyphen = at == 8 || at == 13 || at == 18 || at == 23;
        if ((text[at] == '-') != hyphen)
            return std::nullopt;
        if (!hyphen)
            digits[count++] = text[at];
    }
    return bytes_of_digits<16>({digits.data(), digits.size()});
}

UuidBytes fields_reversed(UuidBytes uuid) {
    std::reverse(uuid.begin(), uuid.begin() + 4);
    std::reverse(uuid.begin() + 4, uuid.begin() + 6);
    std::reverse(uuid.begin() + 6, uuid.begin() + 8);
    return uuid;
}

std::optional<BoardName> BoardName::from_text(std::string_view text) {
    const bool serial_like =
        has_hex_mark(text) || text.size() == 8 || text.size() == max_serial_digits;
    return serial_like ? from_short_text(text) : from_long_text(text);
}

std::optional<BoardName> BoardName::from_short_text(std::string_view text) {
    if (auto longer = from_long_text(text))
        return longer;
    const auto number = serial_number(text);
    return number ? std::optional(BoardName(*number)) : std::nullopt;
}

// Of twelve digits more people mean a MAC.
std::optional<BoardName> BoardName::from_long_text(std::string_view text) {
    if (const auto mac = mac_bytes(without_hardware_type(text)))
        return BoardName(*mac);
    if (const auto uuid = uuid_bytes(text))
        return BoardName(std::min(*uuid, fields_reversed(*uuid)));
    return std::nullopt;
}

} // namespace bootview
