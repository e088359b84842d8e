// What an image holds: its FAT volumes.
#pragma once

#include "fuse-fatimg/image/range.h"
#include "fuse-fatimg/image/read_at.h"
#include "fuse-fatimg/view/node.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bootview::view {

// Which partition to show.
struct PartitionChoice {
    bool all = false;               // partition=all: each in a directory of its own
    std::optional<unsigned> number; // partition=N; neither: the first that holds a FAT
};

struct Layout {
    std::vector<std::shared_ptr<const Volume>> volumes; // one, unless all are asked for
    bool in_use = false;          // a volume shown is marked so: mounted for writing, or was
    std::vector<Range> read_from; // partition table and boot sectors, in bytes of the image
    std::vector<std::string> remarks;
};

// Throws fat::Refused with the reason when there is no volume to show.
Layout read_layout(const ReadAt& read, std::uint64_t image_size, const PartitionChoice& choice);

} // namespace bootview::view
