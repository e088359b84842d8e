// GUID partition tables (UEFI 2.10 §5.3).
#pragma once

#include "fuse-fatimg/partition/table.h"

#include <optional>
#include <string>

namespace bootview::partition {

struct GptSearch {
    std::uint64_t image_size = 0;
    std::uint64_t sector_size = 512;
    // Where the protective MBR says that the disk ended when it was partitioned: the backup may lie
    // there, in an image that has grown since.
    std::optional<std::uint64_t> protective_end;
};

struct GptResult {
    bool found = false;     // and is in the table that was handed in
    bool was_there = false; // not found, but there is a header, if a damaged one
    std::string damage;     // not found: what is wrong with both copies
};

// Adds the partitions of a GPT with this sector size to `table`; nothing, if there is none. Both
// checksums of a copy must be right; the backup is used only when the primary is damaged, which
// gives a remark.
GptResult read_gpt(const ReadAt& read, const GptSearch& search, Table& table);

} // namespace bootview::partition
