#include "fuse-fatimg/partition/mbr.h"

#include "fuse-fatimg/image/bytes.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace bootview::partition {

namespace {

constexpr unsigned maximum_number = 255; // where Linux stops
constexpr unsigned maximum_empty_records = 100;

struct Entry {
    std::uint8_t status = 0;
    std::uint8_t type = 0;
    std::uint64_t start = 0;  // sectors; absolute, or relative as the context says
    std::uint64_t length = 0; // sectors

    // By its length alone: Linux makes a partition of type 0 as well, as hybrid CD images have it.
    bool is_used() const { return length != 0; }
    bool is_extended() const { return type == 0x05 || type == 0x0f || type == 0x85; }
};

Entry entry_of(const BootRecord& record, std::size_t index) {
    const std::size_t at = 446 + 16 * index;
    return {get8(record, at), get8(record, at + 4), get32(record, at + 8), get32(record, at + 12)};
}

class Reader {
public:
    Reader(const ReadAt& read, std::uint64_t image_size, const BootRecord& record,
           std::uint64_t sector_size)
        : read_(read), image_size_(image_size), record_(record), sector_size_(sector_size),
          signature_(get32(record, 440)) {}

    Table take() {
        table_.sector_size = sector_size_;
        table_.uuid = fmt::format("{:08x}", signature_);
        table_.is_convincing = true;
        for (unsigned i = 0; i < 4; ++i) {
            const Entry entry = entry_of(record_, i);
            if (!entry.is_used())
                continue;
            table_.kind = TableKind::mbr;
            if (!entry.is_extended()) {
                add(i + 1, entry.start, entry, table_.partitions);
                continue;
            }
            add(i + 1, entry.start, entry, table_.extended);
            read_logical(entry);
        }
        if (table_.kind == TableKind::none)
            table_.is_convincing = false;
        std::sort(table_.partitions.begin(), table_.partitions.end(),
                  [](const Partition& a, const Partition& b) { return a.number < b.number; });
        return std::move(table_);
    }

private:
    // `start` in sectors of the image.
    void add(unsigned number, std::uint64_t start, const Entry& entry,
             std::vector<Partition>& partitions) {
        const std::uint64_t offset = start * sector_size_;
        const std::uint64_t length = entry.length * sector_size_;
        if ((offset >= image_size_ || length > image_size_ - offset) && ++cut_ <= said_at_most)
            table_.remarks.push_back(cut_off_remark(number));
        if (offset >= image_size_) {
            table_.is_convincing = false;
            return;
        }
        const std::uint64_t there = std::min(length, image_size_ - offset);
        partitions.push_back({number,
                              {offset, there},
                              entry.type,
                              {},
                              fmt::format("{:08x}-{:02x}", signature_, number),
                              {},
                              length - there});
    }

    // Logical partitions: a chain of boot records. In each, the first entry is a partition,
    // relative to the record itself; the second leads to the next record, relative to the extended
    // partition. DR-DOS has them the other way round, OS/2 uses all four. The numbers go on over
    // several extended partitions.
    void read_logical(const Entry& extended) {
        std::uint64_t at = extended.start;
        std::uint64_t room = extended.length;
        std::set<std::uint64_t> visited;
        unsigned empty = 0;
        while (next_number_ <= maximum_number && ++empty <= maximum_empty_records) {
            if (!visited.insert(at).second) {
                table_.remarks.emplace_back("the chain of logical partitions runs in a circle: "
                                            "partition the disk again, or mend it with sfdisk");
                return;
            }
            BootRecord record;
            if (at * sector_size_ >= image_size_ || !read_(at * sector_size_, record) ||
                !is_boot_record(record)) {
                table_.remarks.push_back(fmt::format("the chain of logical partitions is broken "
                                                     "after number {}: the image seems damaged",
                                                     next_number_ - 1));
                return;
            }
            std::optional<Entry> link;
            for (std::size_t i = 0; i < 4; ++i) {
                const Entry entry = entry_of(record, i);
                if (!entry.is_used())
                    continue;
                if (entry.is_extended()) {
                    if (!link)
                        link = entry;
                    continue;
                }
                // The last two are often rubbish, and count only where they make sense.
                if (i >= 2 && (entry.start + entry.length > room ||
                               at + entry.start + entry.length > extended.start + extended.length))
                    continue;
                if (next_number_ > maximum_number)
                    return;
                add(next_number_++, at + entry.start, entry, table_.partitions);
                empty = 0;
            }
            if (!link)
                return;
            at = extended.start + link->start;
            room = link->length;
        }
    }

    const ReadAt& read_;
    std::uint64_t image_size_;
    const BootRecord& record_;
    std::uint64_t sector_size_;
    std::uint32_t signature_;
    unsigned cut_ = 0; // partitions that reach past the end of the image
    unsigned next_number_ = 5;
    Table table_;
};

} // namespace

bool is_boot_record(const BootRecord& record) {
    return get16(record, 510) == 0xaa55;
}

std::optional<std::uint64_t> protective_end(const BootRecord& record) {
    for (std::size_t i = 0; i < 4; ++i)
        if (const Entry entry = entry_of(record, i); entry.type == 0xee)
            return entry.start + entry.length;
    return std::nullopt;
}

bool has_valid_status(const BootRecord& record) {
    for (std::size_t i = 0; i < 4; ++i)
        if (const std::uint8_t status = entry_of(record, i).status; status != 0 && status != 0x80)
            return false;
    return true;
}

Table read_mbr(const ReadAt& read, std::uint64_t image_size, const BootRecord& record,
               std::uint64_t sector_size) {
    return Reader{read, image_size, record, sector_size}.take();
}

} // namespace bootview::partition
