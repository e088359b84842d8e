// What holds of every partition table that was read, whatever the bytes.
#pragma once

#include "fuse-fatimg/partition/table.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/sparse_image.h"

#include <cstddef>
#include <cstdint>

namespace bootview::fuzz {

// Reads the table of the image; `partitions`, `calls` and `bytes` are what it may give and cost.
inline partition::Table read_and_check(const SparseImage& image, std::size_t partitions,
                                       std::uint64_t calls, std::uint64_t bytes) {
    image.reset_work();
    const partition::Table table = partition::read_table(image.reader(), image.size());
    require(image.work().calls <= calls, "a partition table takes a bounded number of reads");
    require(image.work().bytes <= bytes, "a partition table takes a bounded number of bytes");
    require(table.partitions.size() <= partitions, "the number of partitions is bounded");
    require(table.remarks.size() <= 2 * partitions, "the number of remarks is bounded");
    require(table.kind != partition::TableKind::none || table.partitions.empty(),
            "partitions come from a table");
    unsigned before = 0;
    for (const partition::Partition& one : table.partitions) {
        require(one.number > before, "partitions are numbered in order, each once");
        before = one.number;
        require(one.range.length > 0 && one.range.offset > 0 && one.range.offset < image.size() &&
                    one.range.length <= image.size() - one.range.offset,
                "a partition lies inside the image");
    }
    const partition::Table again = partition::read_table(image.reader(), image.size());
    require(again.kind == table.kind && again.partitions == table.partitions,
            "the same bytes give the same partitions");
    return table;
}

} // namespace bootview::fuzz
