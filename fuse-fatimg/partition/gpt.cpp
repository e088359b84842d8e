#include "fuse-fatimg/partition/gpt.h"

#include "fuse-fatimg/image/bytes.h"
#include "fuse-fatimg/partition/crc32.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

namespace bootview::partition {

namespace {

// Far more than any disk has; bounds what a damaged header can make us read.
constexpr std::uint32_t maximum_entries = 4096;
constexpr std::uint32_t maximum_entry_size = 4096;

struct Found {
    std::vector<Partition> partitions;
    std::vector<Range> read_from;
    const char* damage = nullptr; // null: it is sound
};

Found read_at(const ReadAt& read, std::uint64_t image_size, std::uint64_t sector_size,
              std::uint64_t lba) {
    Found found;
    std::vector<std::byte> header(sector_size);
    const std::uint64_t at = lba * sector_size;
    found.read_from.push_back({at, sector_size});
    if (at > image_size || image_size - at < sector_size || !read(at, header) ||
        std::memcmp(header.data(), "EFI PART", 8) != 0) {
        found.damage = "no header";
        return found;
    }
    const std::uint32_t header_size = get32(header, 12);
    if (header_size < 92 || header_size > sector_size) {
        found.damage = "header size out of range";
        return found;
    }
    const std::uint32_t stated = get32(header, 16);
    std::fill_n(header.begin() + 16, 4, std::byte{0}); // the checksum is taken with itself zero
    if (crc32(std::span{header}.first(header_size)) != stated) {
        found.damage = "header checksum wrong";
        return found;
    }
    const std::uint64_t entries_lba = get64(header, 72);
    const std::uint32_t count = get32(header, 80);
    const std::uint32_t entry_size = get32(header, 84);
    if (get64(header, 24) != lba || count > maximum_entries || entry_size < 128 ||
        entry_size > maximum_entry_size || entry_size % 128 != 0 ||
        entries_lba > image_size / sector_size) {
        found.damage = "header fields out of range";
        return found;
    }
    std::vector<std::byte> entries(std::size_t{count} * entry_size);
    found.read_from.push_back({entries_lba * sector_size, entries.size()});
    if (!read(entries_lba * sector_size, entries) || crc32(entries) != get32(header, 88)) {
        found.damage = "table checksum wrong";
        return found;
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto entry = std::span{entries}.subspan(std::size_t{i} * entry_size, entry_size);
        if (std::all_of(entry.begin(), entry.begin() + 16,
                        [](std::byte b) { return b == std::byte{0}; }))
            continue; // type GUID zero: unused
        const std::uint64_t first = get64(entry, 32);
        const std::uint64_t last = get64(entry, 40);
        const std::uint64_t sectors = image_size / sector_size;
        if (first == 0 || last < first || last >= sectors)
            continue;
        found.partitions.push_back(
            {i + 1, {first * sector_size, (last - first + 1) * sector_size}, 0});
    }
    return found;
}

} // namespace

bool read_gpt(const ReadAt& read, std::uint64_t image_size, std::uint64_t sector_size,
              Table& table) {
    if (image_size < 3 * sector_size)
        return false;
    Found found = read_at(read, image_size, sector_size, 1);
    table.read_from.insert(table.read_from.end(), found.read_from.begin(), found.read_from.end());
    if (found.damage != nullptr) {
        const char* primary = found.damage;
        found = read_at(read, image_size, sector_size, image_size / sector_size - 1);
        table.read_from.insert(table.read_from.end(), found.read_from.begin(),
                               found.read_from.end());
        if (found.damage != nullptr)
            return false;
        table.remarks.push_back(
            fmt::format("the primary GPT is damaged ({}); its backup is used", primary));
    }
    table.kind = TableKind::gpt;
    table.partitions = std::move(found.partitions);
    return true;
}

} // namespace bootview::partition
