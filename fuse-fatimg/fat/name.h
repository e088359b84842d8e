// File names: 8.3 names in a code page, long names in UTF-16, and UTF-8 for the rest of the world.
#pragma once

#include "fuse-fatimg/fat/code_page.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bootview::fat {

using ShortName = std::array<std::uint8_t, 11>; // "KERNEL8 IMG", as on disk

// The checksum that ties long name slots to their short entry
// (Microsoft FAT specification 1.03 §7.2).
std::uint8_t checksum(const ShortName& name);

// Byte 12 of an entry, written by Windows NT and by Linux with shortname=mixed.
enum CaseBit : std::uint8_t { lower_case_base = 0x08, lower_case_extension = 0x10 };

// "kernel8.img". A '/', which no kernel takes in a name, becomes '?' like what the code page does
// not have.
std::string decode_short(const ShortName& name, std::uint8_t case_bits,
                         const CodePage& code_page = CodePage::cp437());

// A volume label: the same field without a dot in it.
std::string decode_label(const ShortName& name, const CodePage& code_page = CodePage::cp437());

// UTF-16 to UTF-8. A surrogate without its partner is kept as the three bytes that UTF-8 would give
// it, so that such names stay different from each other and can be looked up.
std::string decode_utf16(std::span<const std::uint16_t> units);

// May this be handed to a kernel? Not empty, not "." or "..", no '/', no NUL.
bool is_presentable(std::string_view name);

// What two names have in common when FAT takes them for the same: ASCII letters in lower case (as
// Linux with utf8=1), trailing dots dropped.
std::string fold(std::string_view name);

} // namespace bootview::fat
