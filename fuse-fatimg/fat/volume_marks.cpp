#include "fuse-fatimg/fat/volume_marks.h"

#include "fuse-fatimg/image/bytes.h"

#include <array>

namespace bootview::fat {

VolumeMarks read_marks(const ReadAt& read, const Geometry& geometry) {
    VolumeMarks marks;
    std::array<std::byte, boot_sector_size> sector{};
    if (read(0, sector)) {
        const std::uint8_t state = state_of(sector, geometry.type);
        marks = {(state & state_in_use) != 0, (state & state_io_error) != 0};
    }
    std::array<std::byte, 8> entries{};
    if (geometry.type == Type::fat12 || !read(geometry.active_fat_offset(), entries))
        return marks;
    // Bits 15 and 14, of FAT32 27 and 26; set is good.
    const std::uint32_t good =
        geometry.type == Type::fat16 ? get16(entries, 2) >> 14 : get32(entries, 4) >> 26;
    marks.in_use = marks.in_use || (good & 2) == 0;
    marks.io_error = marks.io_error || (good & 1) == 0;
    return marks;
}

} // namespace bootview::fat
