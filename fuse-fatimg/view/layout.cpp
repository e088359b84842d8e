#include "fuse-fatimg/view/layout.h"

#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/fat/free_space.h"
#include "fuse-fatimg/partition/filesystem_probe.h"
#include "fuse-fatimg/partition/table.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace bootview::view {

namespace {

using partition::FilesystemKind;

struct Opened {
    std::shared_ptr<const Volume> volume;
    bool in_use = false;
};

Opened open_volume(const ReadAt& read, unsigned partition, const Range& range) {
    std::array<std::byte, fat::boot_sector_size> sector{};
    if (range.length < sector.size() || !read(range.offset, sector))
        throw fat::Refused("is too small for a FAT file system");
    auto volume = std::make_shared<Volume>();
    volume->partition = partition;
    volume->geometry = fat::parse_boot_sector(sector);
    volume->range = {range.offset, std::min(volume->geometry.volume_size, range.length)};
    const bool in_use = fat::is_marked_in_use(sector, volume->geometry.type);
    return {std::move(volume), in_use};
}

void show(Opened opened, Layout& layout) {
    layout.in_use = layout.in_use || opened.in_use;
    layout.volumes.push_back(std::move(opened.volume));
}

// Is a FAT, or what people take for one: worth saying why it is not shown.
bool is_nearly_fat(FilesystemKind kind) {
    return kind == FilesystemKind::fat || kind == FilesystemKind::exfat ||
           kind == FilesystemKind::ntfs;
}

std::string joined(const std::vector<std::string>& remarks) {
    std::string text;
    for (const std::string& remark : remarks)
        text += "; " + remark;
    return text;
}

[[noreturn]] void refuse_without_table(const ReadAt& read, std::uint64_t image_size,
                                       const std::vector<std::string>& remarks,
                                       const std::string& reason) {
    const FilesystemKind kind = partition::probe_filesystem(read, {0, image_size}).kind;
    if (is_nearly_fat(kind))
        throw fat::Refused(reason);
    if (!remarks.empty()) // why there is no table
        throw fat::Refused(remarks.front());
    if (kind != FilesystemKind::unknown)
        throw fat::Refused(
            fmt::format("holds {} without a partition table, and no FAT file system: boot files "
                        "need one",
                        partition::name_of(kind)));
    throw fat::Refused("holds neither a partition table nor a FAT file system: is this the right "
                       "file, and is it unpacked?");
}

// The volumes among the partitions that the choice allows; or the reason why there are none.
void choose(const ReadAt& read, const partition::Table& table, const PartitionChoice& choice,
            Layout& layout) {
    std::string numbers;
    std::string contents;
    std::string problem; // of the first that is nearly one
    for (const auto& partition : table.partitions) {
        numbers += fmt::format("{}{}", numbers.empty() ? "" : ", ", partition.number);
        if (choice.number && partition.number != *choice.number)
            continue;
        try {
            show(open_volume(read, partition.number, partition.range), layout);
            if (partition.cut != 0) // whether that matters to it, shortfall_of() tells
                std::erase(layout.remarks, partition::cut_off_remark(partition.number));
            if (!choice.all)
                return;
        } catch (const fat::Refused& e) {
            const FilesystemKind kind = partition::probe_filesystem(read, partition.range).kind;
            contents += fmt::format("{}{}: {}", contents.empty() ? "" : ", ", partition.number,
                                    partition::name_of(kind));
            if (problem.empty() && is_nearly_fat(kind))
                problem = fmt::format("partition {} {}{}", partition.number, e.what(),
                                      kind == FilesystemKind::fat ? "" : joined(table.remarks));
            else if (choice.number && kind == FilesystemKind::unknown)
                problem = fmt::format("partition {} holds no FAT file system: leave partition= out "
                                      "for the first one that does",
                                      partition.number);
            else if (choice.number)
                problem = fmt::format("partition {} holds no FAT file system but {}: leave "
                                      "partition= out for the first one that does",
                                      partition.number, partition::name_of(kind));
        }
    }
    if (!layout.volumes.empty())
        return;
    if (!problem.empty())
        throw fat::Refused(problem);
    if (choice.number)
        throw fat::Refused(fmt::format("has no partition {}: choose one of {}{}", *choice.number,
                                       numbers.empty() ? "none at all" : numbers,
                                       joined(table.remarks)));
    if (contents.empty())
        throw fat::Refused(fmt::format("has a partition table with nothing in it: boot files need "
                                       "a partition with a FAT file system{}",
                                       joined(table.remarks)));
    throw fat::Refused(fmt::format("has no partition with a FAT file system ({}): boot files need "
                                   "one{}",
                                   contents, joined(table.remarks)));
}

} // namespace

std::string Shortfall::describe(unsigned partition) const {
    const std::string fat =
        partition == 0 ? "its FAT" : fmt::format("the FAT of partition {}", partition);
    const std::string missing = fmt::format("{} reaches {} bytes past the end of {}", fat, bytes,
                                            of_image ? "the image" : "the partition");
    if (!holds_files)
        return missing + ", where no file lies: all files are there";
    return missing + (of_image ? ", and files lie there: the image is truncated, copy it again"
                               : ", and files lie there, which Linux can't read either: make the "
                                 "partition as long as its FAT");
}

std::optional<Shortfall> shortfall_of(const ReadAt& read, std::uint64_t image_size,
                                      const Volume& volume) {
    const Range& range = volume.range;
    if (volume.geometry.volume_size <= range.length)
        return std::nullopt;
    const ReadAt in_volume = [&](std::uint64_t offset, std::span<std::byte> data) {
        return offset <= range.length && data.size() <= range.length - offset &&
               read(range.offset + offset, data);
    };
    return Shortfall{volume.geometry.volume_size - range.length,
                     // Of the last sector of an odd image, clients don't see anything.
                     image_size - range.end() < 512,
                     fat::uses_space_past(in_volume, volume.geometry, range.length)};
}

std::vector<std::string> all_remarks(const ReadAt& read, std::uint64_t image_size,
                                     const Layout& layout) {
    std::vector<std::string> remarks = layout.remarks;
    for (const auto& volume : layout.volumes)
        if (const auto shortfall = shortfall_of(read, image_size, *volume))
            remarks.push_back(shortfall->describe(volume->partition));
    return remarks;
}

Layout read_layout(const ReadAt& read_image, std::uint64_t image_size,
                   const PartitionChoice& choice) {
    Layout layout;
    if (image_size == 0)
        throw fat::Refused("is empty: copy the image there first");
    const ReadAt read = [&](std::uint64_t offset, std::span<std::byte> data) {
        layout.read_from.push_back({offset, data.size()});
        return read_image(offset, data);
    };

    std::optional<Opened> whole; // a FAT without a partition table, as on a floppy disk
    std::string reason;
    try {
        whole = open_volume(read, 0, {0, image_size});
    } catch (const fat::Refused& e) {
        reason = e.what();
    }
    partition::Table table = partition::read_table(read, image_size);
    layout.remarks = table.remarks;

    // The first sector can look like both. The boot code of a FAT can have the signature of a
    // table, and never one whose entries all make sense; and a table can stand in what was the boot
    // sector of a FAT before the disk was partitioned, which partitioning leaves in its place.
    const bool is_table =
        table.kind == partition::TableKind::gpt ||
        (table.kind == partition::TableKind::mbr &&
         (!whole || table.is_convincing || whole->volume->geometry.volume_size > image_size));
    if (whole && !is_table) {
        if (choice.number)
            throw fat::Refused(fmt::format("has no partition {}: it is one FAT without a partition "
                                           "table, leave partition= out",
                                           *choice.number));
        layout.remarks.clear(); // of what is no table
        show(std::move(*whole), layout);
        return layout;
    }
    if (!is_table)
        refuse_without_table(read, image_size, table.remarks, reason);
    choose(read, table, choice, layout);
    return layout;
}

} // namespace bootview::view
