// Little-endian integers out of raw bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bootview {

inline std::uint8_t get8(std::span<const std::byte> bytes, std::size_t at) {
    return std::to_integer<std::uint8_t>(bytes[at]);
}
inline std::uint16_t get16(std::span<const std::byte> bytes, std::size_t at) {
    return static_cast<std::uint16_t>(get8(bytes, at) | get8(bytes, at + 1) << 8);
}
inline std::uint32_t get32(std::span<const std::byte> bytes, std::size_t at) {
    return get16(bytes, at) | static_cast<std::uint32_t>(get16(bytes, at + 2)) << 16;
}
inline std::uint64_t get64(std::span<const std::byte> bytes, std::size_t at) {
    return get32(bytes, at) | static_cast<std::uint64_t>(get32(bytes, at + 4)) << 32;
}

} // namespace bootview
