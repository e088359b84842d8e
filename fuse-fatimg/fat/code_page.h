// Code pages: what the bytes of 8.3 names mean. FAT does not say which one a volume was written
// with; 437 is what Linux, mkfs.vfat and firmware take for granted.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace bootview::fat {

// Immutable once made, so any thread may use it.
class CodePage {
public:
    // Needs no tables of the C library.
    static const CodePage& cp437();

    // "850", "cp866", "932", "1252": whatever the C library knows by that number. Throws Refused.
    static CodePage load(std::string_view name);

    // Appends one field of an 8.3 name as UTF-8. A byte that means nothing becomes '?', as with
    // Linux. `lower` is for fields that are stored in capitals and meant in small letters; only
    // characters of one byte have them, as with Linux.
    void decode(std::span<const std::uint8_t> field, bool lower, std::string& out) const;

private:
    using Table = std::array<std::uint16_t, 256>;
    static constexpr std::uint16_t none = 0xffff;  // means nothing
    static constexpr std::uint16_t first = 0xfffe; // the first of two bytes

    explicit CodePage(const Table& single);
    void find_small_letters();

    Table single_{};
    Table small_{};                                          // the same, in small letters
    std::unordered_map<std::uint16_t, std::uint16_t> pairs_; // first byte << 8 | second
};

} // namespace bootview::fat
