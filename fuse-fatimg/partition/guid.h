// GUIDs, as GPT stores them: the first three fields little-endian (UEFI 2.10 appendix A).
#pragma once

#include "fuse-fatimg/image/bytes.h"

#include <cstddef>
#include <span>
#include <string>

#include <fmt/format.h>

namespace bootview::partition {

// "c12a7328-f81f-11d2-ba4b-00a0c93ec93b" out of its 16 bytes.
inline std::string guid_text(std::span<const std::byte> bytes) {
    std::string text =
        fmt::format("{:08x}-{:04x}-{:04x}-", get32(bytes, 0), get16(bytes, 4), get16(bytes, 6));
    for (std::size_t i = 8; i < 16; ++i)
        text += fmt::format("{}{:02x}", i == 10 ? "-" : "", get8(bytes, i));
    return text;
}

// The same of a UUID whose bytes lie in the order in which they are written (RFC 4122 §4.1.2).
inline std::string uuid_text(std::span<const std::byte> bytes) {
    std::string text;
    for (std::size_t i = 0; i < 16; ++i)
        text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                            get8(bytes, i));
    return text;
}

} // namespace bootview::partition
