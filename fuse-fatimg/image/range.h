// A range of bytes, in an image or in a volume.
#pragma once

#include <cstdint>

namespace bootview {

struct Range {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;

    std::uint64_t end() const { return offset + length; }
    bool overlaps(const Range& other) const { return offset < other.end() && other.offset < end(); }
    friend bool operator==(const Range&, const Range&) = default;
};

} // namespace bootview
