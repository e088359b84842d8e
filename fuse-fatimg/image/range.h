// A range of bytes, in an image or in a volume.
#pragma once

#include <cstdint>
#include <vector>

namespace bootview {

struct Range {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;

    std::uint64_t end() const { return offset + length; }
    bool overlaps(const Range& other) const { return offset < other.end() && other.offset < end(); }
    friend bool operator==(const Range&, const Range&) = default;
};

// Appends `range`, or extends the last of `ranges` over it if that ends no more than 64 KiB before:
// an index of what was read has fewer entries then, and is a little too wide. Call it in order of
// offset.
inline void append_joined(std::vector<Range>& ranges, const Range& range) {
    constexpr std::uint64_t gap = std::uint64_t{64} * 1024;
    if (!ranges.empty() && range.offset <= ranges.back().end() + gap)
        ranges.back().length = range.end() - ranges.back().offset;
    else
        ranges.push_back(range);
}

} // namespace bootview
