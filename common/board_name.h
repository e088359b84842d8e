// How one machine is called: by its serial number, its MAC address or its UUID. Firmware and people
// spell each of them in several ways. A value that compares equal for all spellings of the same
// thing. Pure.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace bootview {

using MacBytes = std::array<std::uint8_t, 6>;
using UuidBytes = std::array<std::uint8_t, 16>;

// The serial number of a Raspberry Pi: the low 32 bits, which its firmware asks with ("cafef00d"),
// of 1 to 16 hexadecimal digits in either case, with or without "0x" ("10000000CAFEF00D").
std::optional<std::uint32_t> serial_number(std::string_view text);

// "dc:a6:32:01:36:c2", "DC-A6-32-01-36-C2", "dca6.3201.36c2" or "dca6320136c2". A byte may lack its
// leading zero where bytes are separated.
std::optional<MacBytes> mac_bytes(std::string_view text);

// With or without hyphens, in braces or not; the bytes in the order of the text.
std::optional<UuidBytes> uuid_bytes(std::string_view text);

// SMBIOS has the first three fields in little-endian order, so that dmidecode shows other bytes
// than option 97 and PXELINUX (RFC 4578 §2.3 leaves the order open).
UuidBytes fields_reversed(UuidBytes uuid);

class BoardName {
public:
    // What looks like such a name beyond doubt: a serial number of 8 or 16 digits or with "0x", a
    // MAC, also behind the hardware type that PXELINUX writes ("01-dc-a6-32-01-36-c2"), a UUID.
    static std::optional<BoardName> from_text(std::string_view text);
    // The same, and a serial number of any length: for what can only be a machine's name.
    static std::optional<BoardName> from_short_text(std::string_view text);

    // A UUID is equal to itself in the other order of its bytes.
    auto operator<=>(const BoardName&) const = default;

private:
    using Value = std::variant<std::uint32_t, MacBytes, UuidBytes>;
    static std::optional<BoardName> from_long_text(std::string_view text);
    explicit BoardName(Value value) : value_(value) {}

    Value value_;
};

} // namespace bootview
