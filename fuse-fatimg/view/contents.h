// Everything that can be said of an image without showing it: its table, and what each partition
// holds. What `fuse-fatimg --list` prints.
#pragma once

#include "fuse-fatimg/fat/volume_marks.h"
#include "fuse-fatimg/partition/table.h"
#include "fuse-fatimg/view/boot_partition.h"
#include "fuse-fatimg/view/layout.h"

#include <optional>
#include <string>
#include <vector>

namespace bootview::view {

// One partition, or the whole image where there is no table.
struct Content {
    partition::Partition partition; // number 0: the whole image
    bool is_extended = false;       // only holds logical partitions
    std::string filesystem;         // "FAT16", "ext4" …, "unknown"
    std::string label;              // bytes, as they are
    std::string uuid;
    bool is_fat = false;
    fat::VolumeMarks marks; // of a FAT
    bool is_shown = false;
    std::string problem;                // what is nearly a FAT: why it is not shown
    std::optional<Shortfall> shortfall; // a FAT: what of it is missing
};

struct Contents {
    std::uint64_t size = 0;
    partition::Table table;                // kind none, where it is no table but boot code
    std::vector<Content> contents;         // by number
    std::string refusal;                   // why nothing can be shown; empty: something can
    std::optional<BetterPartition> better; // what the user may mean, rather than what is shown
};

// Throws what reading throws.
Contents read_contents(const ReadAt& read, std::uint64_t image_size, const PartitionChoice& choice,
                       const fat::CodePage& code_page = fat::CodePage::cp437());

} // namespace bootview::view
