// Master boot records, with logical partitions.
#pragma once

#include "fuse-fatimg/partition/table.h"

#include <array>
#include <cstddef>
#include <optional>

namespace bootview::partition {

using BootRecord = std::array<std::byte, 512>;

// Has it the signature 55AA?
bool is_boot_record(const BootRecord& record);
// Has it an entry of type EE, which says that the disk has a GPT? Gives the number of the sector at
// which the disk ended when it got it.
std::optional<std::uint64_t> protective_end(const BootRecord& record);
// Is every status byte one that a table can have? No: this is boot code, and Linux takes it for no
// table either.
bool has_valid_status(const BootRecord& record);

// The partitions of a boot record that counts in sectors of this size: 512 bytes, whatever the
// disk's own size, or 4096 as on a disk with such sectors.
Table read_mbr(const ReadAt& read, std::uint64_t image_size, const BootRecord& record,
               std::uint64_t sector_size);

} // namespace bootview::partition
