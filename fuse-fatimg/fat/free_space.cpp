#include "fuse-fatimg/fat/free_space.h"

#include "fuse-fatimg/fat/table_reader.h"
#include "fuse-fatimg/image/bytes.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace bootview::fat {

namespace {

constexpr std::uint64_t worth_counting = std::uint64_t{64} << 20; // bytes of table
constexpr std::uint64_t at_once = std::uint64_t{1} << 20;

std::optional<std::uint32_t> count_wide(const ReadAt& read, const Geometry& geometry) {
    const std::uint64_t width = geometry.type == Type::fat32 ? 4 : 2;
    const std::uint64_t end = (std::uint64_t{geometry.clusters} + 2) * width;
    std::vector<std::byte> data(std::min(at_once, end));
    std::uint32_t free = 0;
    for (std::uint64_t at = 0; at < end; at += data.size()) {
        const auto part = std::span{data}.first(std::min<std::uint64_t>(data.size(), end - at));
        if (!read(geometry.active_fat_offset() + at, part))
            return std::nullopt;
        for (std::size_t i = at == 0 ? 2 * width : 0; i < part.size(); i += width) {
            std::uint32_t entry = 0;
            std::memcpy(&entry, part.data() + i, width);
            // All of its bytes are zero in any byte order, but for the four reserved bits.
            if (entry == 0 || (width == 4 && (get32(part, i) & 0x0fffffff) == 0))
                ++free;
        }
    }
    return free;
}

} // namespace

std::optional<std::uint32_t> count_free(const ReadAt& read, const Geometry& geometry) {
    if (geometry.type == Type::fat12) {
        TableReader table{read, geometry};
        std::uint32_t free = 0;
        try {
            for (Cluster i = 0; i < geometry.clusters; ++i)
                free += table.entry(i + 2) == entry_free ? 1 : 0;
        } catch (const TableCut&) {
            return std::nullopt;
        }
        return free;
    }
    if (geometry.fat_length > worth_counting)
        return stated_free(read, geometry);
    return count_wide(read, geometry);
}

bool uses_space_past(const ReadAt& read, const Geometry& geometry, std::uint64_t available) {
    constexpr std::uint32_t too_many = std::uint32_t{1} << 22; // 16 MiB of FAT32
    if (available < geometry.data_offset)
        return true;
    const std::uint64_t whole = (available - geometry.data_offset) / geometry.cluster_size;
    if (whole >= geometry.clusters)
        return false;
    if (geometry.clusters - whole > too_many)
        return true;
    TableReader table{read, geometry};
    try {
        for (std::uint64_t i = whole; i < geometry.clusters; ++i)
            if (const auto entry = table.entry(static_cast<Cluster>(i + 2));
                entry != entry_free && entry != entry_bad)
                return true;
    } catch (const TableCut&) {
        return true;
    }
    return false;
}

std::optional<std::uint32_t> stated_free(const ReadAt& read, const Geometry& geometry) {
    std::array<std::byte, 512> sector{};
    if (geometry.type != Type::fat32 || geometry.information_offset == 0 ||
        !read(geometry.information_offset, sector) || get32(sector, 0) != 0x41615252 ||
        get32(sector, 484) != 0x61417272)
        return std::nullopt;
    const std::uint32_t free = get32(sector, 488);
    if (free > geometry.clusters)
        return std::nullopt;
    return free;
}

} // namespace bootview::fat
