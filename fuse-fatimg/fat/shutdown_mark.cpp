#include "fuse-fatimg/fat/shutdown_mark.h"

#include "fuse-fatimg/image/bytes.h"

#include <array>

namespace bootview::fat {

std::optional<bool> was_shut_down(const ReadAt& read, const Geometry& geometry) {
    std::array<std::byte, 8> entries{};
    if (geometry.type == Type::fat12 || !read(geometry.active_fat_offset(), entries))
        return std::nullopt;
    return geometry.type == Type::fat16 ? (get16(entries, 2) & 0x8000) != 0
                                        : (get32(entries, 4) & 0x08000000) != 0;
}

} // namespace bootview::fat
