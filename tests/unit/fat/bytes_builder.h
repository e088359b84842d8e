// Puts little-endian integers into byte arrays.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace bootview::test {

inline void put(std::span<std::byte> bytes, std::size_t at, std::size_t width,
                std::uint64_t value) {
    for (std::size_t i = 0; i < width; ++i)
        bytes[at + i] = static_cast<std::byte>(value >> 8 * i & 0xff);
}

} // namespace bootview::test
