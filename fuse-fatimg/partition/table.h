// Partition tables: MBR with logical partitions, GPT.
//
// Pure: the bytes come through ReadAt. All offsets and lengths are bytes of the image. What the
// type bytes say is reported and otherwise ignored: whoever wants a FAT looks at the content.
#pragma once

#include "fuse-fatimg/image/range.h"
#include "fuse-fatimg/image/read_at.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bootview::partition {

enum class TableKind { none, mbr, gpt };

struct Partition {
    unsigned number = 0; // as Linux counts: logical ones from 5
    Range range;
    std::uint8_t type = 0; // MBR type byte; 0 with GPT
    friend bool operator==(const Partition&, const Partition&) = default;
};

struct Table {
    TableKind kind = TableKind::none;
    std::vector<Partition> partitions; // by number; only those that lie inside the image
    std::vector<Range> read_from;      // the bytes all this was read from
    std::vector<std::string> remarks;  // what is wrong with it, in words
};

// An image without a table gives kind none. Never throws by itself.
Table read_table(const ReadAt& read, std::uint64_t image_size);

} // namespace bootview::partition
