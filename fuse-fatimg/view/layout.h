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

// A FAT of which not all is there. It is shown nevertheless, as Linux shows it: what does not lie
// in the part that is missing can be read.
struct Shortfall {
    std::uint64_t bytes = 0;  // of the volume, that are missing
    bool of_image = false;    // the image ends before the volume; false: only the partition does
    bool holds_files = false; // clusters that are missing are in use, or may be

    // "partition 2: its FAT …", with what to do, if anything is to be done.
    std::string describe(unsigned partition) const; // with what to do, if anything is to be done
    friend bool operator==(const Shortfall&, const Shortfall&) = default;
};

// What of a volume is missing; nothing: all of it is there.
std::optional<Shortfall> shortfall_of(const ReadAt& read, std::uint64_t image_size,
                                      const Volume& volume);

struct Layout {
    std::vector<std::shared_ptr<const Volume>> volumes; // one, unless all are asked for
    bool in_use = false;              // a volume shown is marked so: mounted for writing, or was
    std::vector<Range> read_from;     // partition table and boot sectors, in bytes of the image
    std::vector<std::string> remarks; // what is wrong with the table
};

// Throws fat::Refused with the reason when there is no volume to show.
Layout read_layout(const ReadAt& read, std::uint64_t image_size, const PartitionChoice& choice);

// The remarks, and what is to be said of the volumes. Reads their tables where something is
// missing.
std::vector<std::string> all_remarks(const ReadAt& read, std::uint64_t image_size,
                                     const Layout& layout);

} // namespace bootview::view
