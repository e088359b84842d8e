// Takes a fuzzer's bytes apart. What is asked for behind their end is zero.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace bootview::fuzz {

class Input {
public:
    Input(const std::uint8_t* data, std::size_t size)
        : rest_(std::as_bytes(std::span{data, size})) {}

    bool empty() const { return rest_.empty(); }
    std::span<const std::byte> rest() const { return rest_; }

    // Up to so many bytes.
    std::span<const std::byte> bytes(std::size_t count) {
        const auto taken = rest_.first(std::min(count, rest_.size()));
        rest_ = rest_.subspan(taken.size());
        return taken;
    }
    // Little-endian, `width` bytes wide.
    std::uint64_t number(std::size_t width) {
        const auto taken = bytes(width);
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < taken.size(); ++i)
            value |= std::to_integer<std::uint64_t>(taken[i]) << 8 * i;
        return value;
    }
    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() { return number(8); }

private:
    std::span<const std::byte> rest_;
};

} // namespace bootview::fuzz
