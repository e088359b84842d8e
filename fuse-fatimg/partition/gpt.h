// GUID partition tables (UEFI 2.10 §5.3).
#pragma once

#include "fuse-fatimg/partition/table.h"

namespace bootview::partition {

// Adds the partitions of a GPT with this sector size to `table`; false, with nothing added but
// remarks, when there is none. Both checksums must be right; the backup is used only when the
// primary is damaged, which gives a remark.
bool read_gpt(const ReadAt& read, std::uint64_t image_size, std::uint64_t sector_size,
              Table& table);

} // namespace bootview::partition
