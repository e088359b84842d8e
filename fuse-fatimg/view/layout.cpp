#include "fuse-fatimg/view/layout.h"

#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/partition/table.h"

#include <array>

#include <fmt/format.h>

namespace bootview::view {

namespace {

std::shared_ptr<const Volume> probe(const ReadAt& read, unsigned partition, const Range& range,
                                    Layout& layout) {
    std::array<std::byte, fat::boot_sector_size> sector{};
    layout.read_from.push_back({range.offset, sector.size()});
    if (range.length < sector.size() || !read(range.offset, sector))
        throw fat::Refused("is too small for a FAT file system");
    auto volume = std::make_shared<Volume>();
    volume->partition = partition;
    volume->geometry = fat::parse_boot_sector(sector, range.length);
    volume->range = {range.offset, volume->geometry.volume_size};
    layout.in_use = layout.in_use || fat::is_marked_in_use(sector, volume->geometry.type);
    return volume;
}

std::string numbers_of(const partition::Table& table) {
    std::string text;
    for (const auto& partition : table.partitions)
        text += fmt::format("{}{}", text.empty() ? "" : ", ", partition.number);
    return text;
}

} // namespace

Layout read_layout(const ReadAt& read, std::uint64_t image_size, const PartitionChoice& choice) {
    Layout layout;
    if (image_size == 0)
        throw fat::Refused("is empty: copy the image there first");

    // A FAT without a partition table, as on a floppy disk, comes first: its boot code can look
    // like a table, while boot code never looks like a FAT.
    std::string reason;
    try {
        layout.volumes.push_back(probe(read, 0, {0, image_size}, layout));
    } catch (const fat::Refused& e) {
        reason = e.what();
    }
    if (!layout.volumes.empty()) {
        if (choice.number)
            throw fat::Refused(fmt::format("has no partition {}: it is one FAT without a partition "
                                           "table, leave partition= out",
                                           *choice.number));
        return layout;
    }

    partition::Table table = partition::read_table(read, image_size);
    layout.read_from.insert(layout.read_from.end(), table.read_from.begin(), table.read_from.end());
    layout.remarks = table.remarks;
    if (table.kind == partition::TableKind::none)
        throw fat::Refused(reason.find("no FAT") != std::string::npos ||
                                   reason.find("too small") != std::string::npos
                               ? "holds neither a partition table nor a FAT file system: is this "
                                 "the right file, and is it unpacked?"
                               : reason);

    bool number_exists = false;
    std::string first_problem;
    for (const auto& partition : table.partitions) {
        if (choice.number && partition.number != *choice.number)
            continue;
        number_exists = true;
        try {
            layout.volumes.push_back(probe(read, partition.number, partition.range, layout));
            if (!choice.all)
                return layout;
        } catch (const fat::Refused& e) {
            if (first_problem.empty() || std::string{e.what()}.find("no FAT") == std::string::npos)
                first_problem = fmt::format("partition {} {}", partition.number, e.what());
        }
    }
    if (!layout.volumes.empty())
        return layout;

    const std::string there = numbers_of(table);
    std::string remarks;
    for (const std::string& remark : table.remarks)
        remarks += "; " + remark;
    if (choice.number && !number_exists)
        throw fat::Refused(fmt::format("has no partition {}: choose one of {}{}", *choice.number,
                                       there.empty() ? "none at all" : there, remarks));
    if (choice.number)
        throw fat::Refused(first_problem +
                           (first_problem.find("no FAT") != std::string::npos
                                ? ": leave partition= out for the first one that does"
                                : ""));
    const bool plain = first_problem.empty() ||
                       first_problem.find("holds no FAT file system") != std::string::npos;
    if (plain && table.remarks.empty())
        throw fat::Refused(fmt::format("has no partition with a FAT file system (partitions: {}): "
                                       "boot files need one",
                                       there.empty() ? "none" : there));
    throw fat::Refused(plain ? fmt::format("has no partition with a FAT file system{}", remarks)
                             : first_problem);
}

} // namespace bootview::view
