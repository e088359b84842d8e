// The mark that Windows and DOS leave in the table itself, beside the one in the boot sector that
// Linux knows alone (Microsoft FAT specification 1.03 §4, FAT[1]).
#pragma once

#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/image/read_at.h"

#include <optional>

namespace bootview::fat {

// Did whoever wrote the volume last take leave? FAT12 has no such mark.
std::optional<bool> was_shut_down(const ReadAt& read, const Geometry& geometry);

} // namespace bootview::fat
