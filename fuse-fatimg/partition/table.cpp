#include "fuse-fatimg/partition/table.h"

#include "fuse-fatimg/image/bytes.h"
#include "fuse-fatimg/partition/gpt.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace bootview::partition {

namespace {

constexpr std::uint64_t sector = 512; // the MBR counts in these, whatever the disk's own size
constexpr unsigned maximum_logical = 256;

struct Entry {
    std::uint8_t status;
    std::uint8_t type;
    std::uint64_t start;  // bytes; absolute, or relative as the context says
    std::uint64_t length; // bytes
    bool is_extended() const { return type == 0x05 || type == 0x0f || type == 0x85; }
};

using Sector = std::array<std::byte, sector>;

bool read_boot_record(const ReadAt& read, std::uint64_t at, Sector& data) {
    return read(at, data) && get16(data, 510) == 0xaa55;
}

Entry entry_of(const Sector& data, std::size_t index) {
    const std::size_t at = 446 + 16 * index;
    return {get8(data, at), get8(data, at + 4), get32(data, at + 8) * sector,
            get32(data, at + 12) * sector};
}

bool fits(const Range& range, std::uint64_t image_size) {
    return range.length > 0 && range.offset > 0 && range.offset < image_size &&
           range.length <= image_size - range.offset;
}

// Logical partitions: a chain of boot records. In each, the first entry is a partition, relative to
// the record itself; the second leads to the next record, relative to the extended partition.
void read_logical(const ReadAt& read, std::uint64_t image_size, const Range& extended,
                  Table& table) {
    std::uint64_t at = extended.offset;
    unsigned number = 5;
    std::vector<std::uint64_t> visited;
    while (number < 5 + maximum_logical) {
        for (const std::uint64_t seen : visited)
            if (seen == at) {
                table.remarks.emplace_back("the chain of logical partitions runs in a circle");
                return;
            }
        visited.push_back(at);
        Sector data;
        table.read_from.push_back({at, sector});
        if (at >= image_size || !read_boot_record(read, at, data)) {
            table.remarks.push_back(fmt::format(
                "the chain of logical partitions is broken after number {}", number - 1));
            return;
        }
        std::uint64_t next = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            const Entry entry = entry_of(data, i);
            if (entry.type == 0 || entry.length == 0)
                continue;
            if (entry.is_extended()) {
                if (next == 0)
                    next = extended.offset + entry.start;
                continue;
            }
            const Range range{at + entry.start, entry.length};
            if (fits(range, image_size))
                table.partitions.push_back({number, range, entry.type});
            ++number;
        }
        if (next == 0)
            return;
        at = next;
    }
}

} // namespace

Table read_table(const ReadAt& read, std::uint64_t image_size) {
    Table table;
    Sector data;
    table.read_from.push_back({0, sector});
    const bool has_record = image_size >= sector && read_boot_record(read, 0, data);

    // A GPT is found by its protective entry (type EE), also beside others (hybrid MBR), or by its
    // header alone where the MBR was lost.
    bool protective = !has_record;
    for (std::size_t i = 0; has_record && i < 4; ++i)
        protective = protective || entry_of(data, i).type == 0xee;
    if (protective)
        for (const std::uint64_t size : {std::uint64_t{512}, std::uint64_t{4096}})
            if (read_gpt(read, image_size, size, table))
                return table;
    if (!has_record)
        return table;

    for (std::size_t i = 0; i < 4; ++i)
        if (const std::uint8_t status = entry_of(data, i).status; status != 0 && status != 0x80)
            return table; // not a table, but somebody's boot code
    for (std::size_t i = 0; i < 4; ++i) {
        const Entry entry = entry_of(data, i);
        const Range range{entry.start, entry.length};
        if (entry.type == 0 || entry.type == 0xee || entry.length == 0)
            continue;
        table.kind = TableKind::mbr;
        if (entry.is_extended())
            read_logical(read, image_size, range, table);
        else if (fits(range, image_size))
            table.partitions.push_back({static_cast<unsigned>(i + 1), range, entry.type});
        else
            table.remarks.push_back(fmt::format("partition {} reaches past the end of the image, "
                                                "which seems truncated: copy it again",
                                                i + 1));
    }
    std::sort(table.partitions.begin(), table.partitions.end(),
              [](const Partition& a, const Partition& b) { return a.number < b.number; });
    return table;
}

} // namespace bootview::partition
