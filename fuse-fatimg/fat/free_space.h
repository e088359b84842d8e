// How much room is left on a volume.
#pragma once

#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/image/read_at.h"

#include <cstdint>
#include <optional>

namespace bootview::fat {

// Clusters that are free, counted in the table as Linux does. A table of more than 64 MiB is not
// gone through: then it is what the volume's FSInfo sector says (Microsoft FAT specification 1.03
// §5), which writers may leave wrong; nothing if that says nothing sane either, or if
// not all of the table is there.
std::optional<std::uint32_t> count_free(const ReadAt& read, const Geometry& geometry);

// What the FSInfo sector says; nothing if there is none, it is damaged, or claims the impossible.
std::optional<std::uint32_t> stated_free(const ReadAt& read, const Geometry& geometry);

// Is any cluster in use that does not lie wholly in the first `available` bytes of the volume? Yes,
// where the table cannot tell: it is not there itself, or too long to be gone through.
bool uses_space_past(const ReadAt& read, const Geometry& geometry, std::uint64_t available);

} // namespace bootview::fat
