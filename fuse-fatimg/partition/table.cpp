#include "fuse-fatimg/partition/table.h"

#include "fuse-fatimg/partition/filesystem_probe.h"
#include "fuse-fatimg/partition/gpt.h"
#include "fuse-fatimg/partition/mbr.h"

#include <algorithm>

#include <fmt/format.h>

namespace bootview::partition {

namespace {

bool any_has_known_content(const ReadAt& read, const Table& table) {
    return std::any_of(
        table.partitions.begin(), table.partitions.end(), [&](const auto& partition) {
            return probe_filesystem(read, partition.range).kind != FilesystemKind::unknown;
        });
}

// Nothing in an MBR says in which sectors it counts: on nearly all disks in 512 bytes, on one with
// sectors of 4096 bytes in those. What it leads to tells.
Table read_mbr_of_any_sector(const ReadAt& read, std::uint64_t image_size,
                             const BootRecord& record) {
    Table usual = read_mbr(read, image_size, record, 512);
    if (usual.kind == TableKind::none || any_has_known_content(read, usual))
        return usual;
    Table large = read_mbr(read, image_size, record, 4096);
    return any_has_known_content(read, large) ? large : usual;
}

void remark_on_overlaps(Table& table) {
    std::vector<const Partition*> by_offset;
    for (const Partition& partition : table.partitions)
        by_offset.push_back(&partition);
    std::stable_sort(by_offset.begin(), by_offset.end(), [](const auto* a, const auto* b) {
        return a->range.offset < b->range.offset;
    });
    unsigned said = 0;
    const Partition* widest = nullptr; // the one that reaches furthest so far
    for (const Partition* partition : by_offset) {
        if (widest != nullptr && widest->range.overlaps(partition->range)) {
            if (table.kind == TableKind::mbr)
                table.is_convincing = false;
            if (++said <= said_at_most)
                table.remarks.push_back(fmt::format("partitions {} and {} overlap: what is written "
                                                    "to one of them damages the other",
                                                    std::min(widest->number, partition->number),
                                                    std::max(widest->number, partition->number)));
        }
        if (widest == nullptr || partition->range.end() > widest->range.end())
            widest = partition;
    }
}

} // namespace

std::string cut_off_remark(unsigned number) {
    return fmt::format("partition {} reaches past the end of the image, which seems truncated: "
                       "copy it again",
                       number);
}

Table read_table(const ReadAt& read_image, std::uint64_t image_size) {
    std::vector<Range> read_from;
    const ReadAt read = [&](std::uint64_t offset, std::span<std::byte> data) {
        read_from.push_back({offset, data.size()});
        return read_image(offset, data);
    };
    Table table;
    BootRecord record{};
    const bool has_record = read(0, record) && is_boot_record(record);
    const auto end = has_record ? protective_end(record) : std::nullopt;

    // A GPT is found by its protective entry, also beside others (hybrid MBR), or by its header
    // alone where the MBR was lost.
    if (end || !has_record) {
        std::string damage;
        for (const std::uint64_t size : {std::uint64_t{512}, std::uint64_t{4096}}) {
            GptSearch search{image_size, size, {}};
            if (end)
                search.protective_end = *end * size;
            const GptResult result = read_gpt(read, search, table);
            if (result.found)
                break;
            if (damage.empty() || result.was_there)
                damage = result.damage;
        }
        if (table.kind == TableKind::gpt && !has_record)
            table.remarks.emplace_back("the protective MBR is missing, without which Linux does "
                                       "not see the GPT: sgdisk -e writes it");
        if (table.kind == TableKind::none && end && has_valid_status(record))
            table.remarks.push_back(fmt::format("has a GPT of which both copies are damaged ({}): "
                                                "copy the image again, or restore it with gdisk",
                                                damage));
    } else if (has_valid_status(record)) {
        table = read_mbr_of_any_sector(read, image_size, record);
    }
    remark_on_overlaps(table);
    table.read_from = std::move(read_from);
    return table;
}

} // namespace bootview::partition
