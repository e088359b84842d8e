// File names: 8.3 names in a code page, long names in UTF-16, and UTF-8 for the rest of the world.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::fat {

using ShortName = std::array<std::uint8_t, 11>; // "KERNEL8 IMG", as on disk

// The checksum that ties long name slots to their short entry
// (Microsoft FAT specification 1.03 §7.2).
std::uint8_t checksum(const ShortName& name);

// "kernel8.img". `case_bits` is byte 12 of the entry: 0x08 lower-case base, 0x10 lower-case
// extension (written by Windows NT and by Linux with shortname=mixed). Code page 437.
std::string decode_short(const ShortName& name, std::uint8_t case_bits);

// UTF-16 to UTF-8. A surrogate without its partner is kept as the three bytes that UTF-8 would give
// it, so that such names stay different from each other and can be looked up.
std::string decode_utf16(std::span<const std::uint16_t> units);

// May this be handed to a kernel? Not empty, not "." or "..", no '/', no NUL.
bool is_presentable(std::string_view name);

// What two names have in common when FAT takes them for the same: ASCII letters in lower case (as
// Linux with utf8=1), trailing dots dropped.
std::string fold(std::string_view name);

} // namespace bootview::fat
