#include "fuse-fatimg/view/contents.h"

#include "fuse-fatimg/fat/chain.h"
#include "fuse-fatimg/fat/directory.h"
#include "fuse-fatimg/image/bytes.h"
#include "fuse-fatimg/partition/filesystem_probe.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace bootview::view {

namespace {

using BootSector = std::array<std::byte, fat::boot_sector_size>;

// The label in the root directory counts; the copy in the boot sector is often out of date.
std::string label_of(const ReadAt& volume, const fat::Geometry& geometry, const BootSector& sector,
                     const fat::CodePage& code_page) {
    std::vector<Range> pieces{
        {geometry.root_offset, std::uint64_t{geometry.root_entries} * fat::slot_size}};
    if (geometry.type == fat::Type::fat32)
        pieces =
            fat::read_directory_chain(volume, geometry, geometry.root_cluster).extents.ranges();
    std::vector<std::byte> data;
    for (const Range& piece : pieces) {
        const std::uint64_t limit = fat::maximum_slots * fat::slot_size - data.size();
        const std::size_t have = data.size();
        data.resize(have + std::min(piece.length, limit));
        if (!volume(piece.offset, std::span{data}.subspan(have))) {
            data.resize(have);
            break;
        }
    }
    std::string label = fat::parse_directory(data, geometry.type, code_page).label;
    const std::size_t extension = geometry.type == fat::Type::fat32 ? 66 : 38;
    if (label.empty() && get8(sector, extension) == 0x29) {
        std::array<std::uint8_t, 11> field{};
        for (std::size_t i = 0; i < field.size(); ++i)
            field[i] = get8(sector, extension + 5 + i);
        code_page.decode(field, false, label);
        label.erase(label.find_last_not_of(' ') + 1);
        if (label == "NO NAME")
            label.clear();
    }
    return label;
}

Content content_of(const ReadAt& read, std::uint64_t image_size, partition::Partition partition,
                   const fat::CodePage& code_page) {
    Content content;
    content.partition = std::move(partition);
    const Range& range = content.partition.range;
    BootSector sector{};
    if (range.length >= sector.size() && read(range.offset, sector)) {
        try {
            const fat::Geometry geometry = fat::parse_boot_sector(sector);
            const ReadAt volume = [&](std::uint64_t offset, std::span<std::byte> data) {
                return offset <= range.length && data.size() <= range.length - offset &&
                       read(range.offset + offset, data);
            };
            content.is_fat = true;
            content.shortfall =
                shortfall_of(read, image_size,
                             {content.partition.number,
                              {range.offset, std::min(range.length, geometry.volume_size)},
                              geometry});
            content.filesystem = geometry.type == fat::Type::fat12   ? "FAT12"
                                 : geometry.type == fat::Type::fat16 ? "FAT16"
                                                                     : "FAT32";
            content.label = label_of(volume, geometry, sector, code_page);
            content.uuid =
                fmt::format("{:04X}-{:04X}", geometry.serial >> 16, geometry.serial & 0xffff);
            content.marks = fat::read_marks(volume, geometry);
            return content;
        } catch (const fat::Refused& e) {
            content.problem = e.what();
        }
    }
    const partition::Filesystem found = partition::probe_filesystem(read, range);
    if (found.kind != partition::FilesystemKind::fat &&
        found.kind != partition::FilesystemKind::exfat &&
        found.kind != partition::FilesystemKind::ntfs)
        content.problem.clear(); // "is no FAT" is no news
    content.filesystem = partition::name_of(found.kind);
    content.label = found.label;
    content.uuid = found.uuid;
    return content;
}

} // namespace

Contents read_contents(const ReadAt& read, std::uint64_t image_size, const PartitionChoice& choice,
                       const fat::CodePage& code_page) {
    Contents result;
    result.size = image_size;
    Layout layout;
    try {
        layout = read_layout(read, image_size, choice);
        result.better = better_partition(read, image_size, choice);
    } catch (const fat::Refused& e) {
        result.refusal = e.what();
    }
    result.table = partition::read_table(read, image_size);
    if (!layout.volumes.empty() && layout.volumes.front()->partition == 0)
        result.table = {};
    for (const auto& partition : result.table.partitions)
        result.contents.push_back(content_of(read, image_size, partition, code_page));
    for (const auto& partition : result.table.extended) {
        Content content;
        content.partition = partition;
        content.is_extended = true;
        content.filesystem = "extended";
        result.contents.push_back(std::move(content));
    }
    if (result.table.kind == partition::TableKind::none && image_size > 0)
        result.contents.push_back(
            content_of(read, image_size, {0, {0, image_size}, 0, {}, {}, {}, 0}, code_page));
    std::stable_sort(
        result.contents.begin(), result.contents.end(),
        [](const Content& a, const Content& b) { return a.partition.number < b.partition.number; });
    for (const Content& content : result.contents)
        if (content.is_fat && content.partition.cut != 0) // `shortfall` says whether that matters
            std::erase(result.table.remarks, partition::cut_off_remark(content.partition.number));
    for (Content& content : result.contents)
        content.is_shown =
            std::any_of(layout.volumes.begin(), layout.volumes.end(), [&](const auto& volume) {
                return volume->partition == content.partition.number && content.is_fat;
            });
    return result;
}

} // namespace bootview::view
