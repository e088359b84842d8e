// Which of an image's FATs a machine could boot from.
//
// The one that is shown is the first (layout.h), and stays that, whatever is in it: a client may be
// about to write it. But where there is nothing in it to boot from and in another one there is, the
// user most likely means that: the recovery system of PINN stands before what it installed, an EFI
// system partition before the boot partition of a Raspberry Pi. So it is said, with the option.
#pragma once

#include "fuse-fatimg/image/read_at.h"
#include "fuse-fatimg/view/layout.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bootview::view {

// By the names of files alone.
struct Bootable {
    bool pi = false;    // a Raspberry Pi's firmware with something to start
    bool pc = false;    // a loader for UEFI or PXE
    bool other = false; // a kernel, or a configuration of extlinux, U-Boot, iPXE
    bool any() const { return pi || pc || other; }
};
// Throws what reading throws; of a damaged directory, what can be read counts.
Bootable bootable_from(const ReadAt& read, const Volume& volume);

struct BetterPartition {
    unsigned shown = 0;
    unsigned better = 0;
    Bootable from_shown;
    Bootable from_better;

    // "partition 1, which is shown, has nothing to boot from; partition 5 has: …"
    std::string describe() const;
    std::string mount_option() const; // "partition=5"
};
// Nothing: what is shown boots, or nothing does better; or the user chose.
std::optional<BetterPartition> better_partition(const ReadAt& read, std::uint64_t image_size,
                                                const PartitionChoice& choice);

} // namespace bootview::view
