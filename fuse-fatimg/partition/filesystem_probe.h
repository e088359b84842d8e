// What a partition holds, by the signatures that file systems leave. Pure.
//
// For FAT this is only a likeness: fat::parse_boot_sector has the last word.
#pragma once

#include "fuse-fatimg/image/range.h"
#include "fuse-fatimg/image/read_at.h"

#include <string>

namespace bootview::partition {

enum class FilesystemKind {
    unknown,
    fat,
    exfat,
    ntfs,
    ext2,
    ext3,
    ext4,
    swap,
    btrfs,
    xfs,
    squashfs,
    iso9660,
    luks,
    lvm2,
};
const char* name_of(FilesystemKind kind); // "ext4"; as blkid(8) says it, where it says something

struct Filesystem {
    FilesystemKind kind = FilesystemKind::unknown;
    std::string label; // bytes as they are: nobody promises that they are UTF-8
    std::string uuid;
};

// Reads at most 70 kB. Never throws by itself.
Filesystem probe_filesystem(const ReadAt& read, const Range& range);

} // namespace bootview::partition
