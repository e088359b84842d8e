// The marks by which whoever writes a volume says how it was left, in two places: Linux knows those
// in the boot sector alone; DOS and Windows set those in the table (Microsoft FAT
// specification 1.03 §4, FAT[1]; FAT12 has no room for them).
#pragma once

#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/image/read_at.h"

namespace bootview::fat {

struct VolumeMarks {
    bool in_use = false;   // mounted for writing, or never unmounted
    bool io_error = false; // the system that had it mounted met an error of its disk
    friend bool operator==(const VolumeMarks&, const VolumeMarks&) = default;
};

// `read` is of the volume. Of what cannot be read, no mark is reported.
VolumeMarks read_marks(const ReadAt& read, const Geometry& geometry);

} // namespace bootview::fat
