// What holds of every partition table that was read, whatever the bytes.
#pragma once

#include "fuse-fatimg/partition/table.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/sparse_image.h"

#include <cstddef>
#include <cstdint>

namespace bootview::fuzz {

// As many as fit into the largest GPT that is read, 4 MiB.
inline constexpr std::size_t most_partitions = 32'768;

// Reads the table of the image.
inline partition::Table read_and_check(const SparseImage& image) {
    // An MBR has 255 partitions and a hundred records without one, read for two sizes of sectors,
    // and looks at what is in each; a GPT has some copies of its table.
    constexpr std::uint64_t calls = 10'000;
    constexpr std::uint64_t bytes = std::uint64_t{80} << 20;
    image.reset_work();
    const partition::Table table = partition::read_table(image.reader(), image.size());
    require(image.work().calls <= calls, "a partition table takes a bounded number of reads");
    require(image.work().bytes <= bytes, "a partition table takes a bounded number of bytes");
    require(table.partitions.size() <= most_partitions, "the number of partitions is bounded");
    require(table.remarks.size() <= 32, "the number of remarks is bounded");
    require(table.kind != partition::TableKind::none ||
                (table.partitions.empty() && table.extended.empty()),
            "partitions come from a table");
    unsigned before = 0;
    for (const partition::Partition& one : table.partitions) {
        require(one.number > before, "partitions are numbered in order, each once");
        before = one.number;
        require(one.name.size() <= 36 * 3, "a partition's name is no longer than its field");
    }
    for (const auto* list : {&table.partitions, &table.extended})
        for (const partition::Partition& one : *list)
            require(one.range.length > 0 && one.range.offset < image.size() &&
                        one.range.length <= image.size() - one.range.offset,
                    "a partition lies inside the image");
    const partition::Table again = partition::read_table(image.reader(), image.size());
    require(again.kind == table.kind && again.partitions == table.partitions,
            "the same bytes give the same partitions");
    return table;
}

} // namespace bootview::fuzz
