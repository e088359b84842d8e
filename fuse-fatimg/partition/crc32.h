// CRC-32 (IEEE 802.3, reflected), as GPT uses it (UEFI 2.10 §5.3.2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace bootview::partition {

inline std::uint32_t crc32(std::span<const std::byte> data) {
    static constexpr auto table = [] {
        std::array<std::uint32_t, 256> t{};
        for (std::uint32_t i = 0; i < t.size(); ++i) {
            std::uint32_t crc = i;
            for (int bit = 0; bit < 8; ++bit)
                crc = crc & 1 ? crc >> 1 ^ 0xedb88320U : crc >> 1;
            t[i] = crc;
        }
        return t;
    }();
    std::uint32_t crc = ~std::uint32_t{0};
    for (const std::byte b : data)
        crc = crc >> 8 ^ table[(crc ^ std::to_integer<std::uint32_t>(b)) & 0xff];
    return ~crc;
}

} // namespace bootview::partition
