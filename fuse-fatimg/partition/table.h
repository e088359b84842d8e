// Partition tables: MBR with logical partitions, GPT.
//
// Pure: the bytes come through ReadAt. All offsets and lengths are bytes of the image. Partitions
// are numbered as Linux numbers them. What their types say is reported and otherwise ignored:
// whoever wants a FAT looks at the content.
#pragma once

#include "fuse-fatimg/image/range.h"
#include "fuse-fatimg/image/read_at.h"

#include <cstdint>
#include <string>
#include <vector>

namespace bootview::partition {

enum class TableKind { none, mbr, gpt };

struct Partition {
    unsigned number = 0;   // logical ones from 5
    Range range;           // the part of it that lies inside the image
    std::uint8_t type = 0; // MBR type byte; 0 with GPT
    std::string type_guid; // GPT; lower case
    std::string uuid;      // what Linux calls PARTUUID; of an MBR made from the disk's signature
    std::string name;      // GPT; UTF-8
    std::uint64_t cut = 0; // bytes of it that would lie past the end of the image
    friend bool operator==(const Partition&, const Partition&) = default;
};

struct Table {
    TableKind kind = TableKind::none;
    std::uint64_t sector_size = 512;   // what it counts in
    std::string uuid;                  // of the disk: its GUID, or the MBR's signature
    std::vector<Partition> partitions; // by number; only what begins inside the image
    std::vector<Partition> extended;   // MBR: the partitions that only hold the logical ones
    // MBR: every entry makes sense, so that this is no boot code that happens to lie there.
    bool is_convincing = false;
    std::vector<Range> read_from; // the bytes all this was read from
    // What is wrong with it, in words that say what to do. There can be some without a table: the
    // reasons why there is none.
    std::vector<std::string> remarks;
};

// A damaged table can have the same to say of each of its thousands of entries: it is said of so
// many of them.
inline constexpr unsigned said_at_most = 4;
std::string cut_off_remark(unsigned number);

// An image without a table gives kind none. Never throws by itself.
Table read_table(const ReadAt& read, std::uint64_t image_size);

} // namespace bootview::partition
