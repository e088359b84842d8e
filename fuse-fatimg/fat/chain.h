// Cluster chains: where the bytes of a file or directory lie.
//
// All offsets are bytes from the volume's start; Microsoft FAT specification 1.03 §4.
#pragma once

#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/image/range.h"
#include "fuse-fatimg/image/read_at.h"

#include <cstdint>
#include <vector>

namespace bootview::fat {

enum class ChainState {
    complete,
    too_short,    // ends before the size it must cover
    free_cluster, // leads to a cluster that is marked free
    bad_cluster,
    out_of_range,
    circular,
};
const char* describe(ChainState state);

struct Chain {
    ChainState state = ChainState::complete;
    std::vector<Range> extents;   // in file order, neighbours joined, cut to the size
    std::vector<Range> fat_bytes; // the sectors of the table that this was read from
    friend bool operator==(const Chain&, const Chain&) = default;
};

inline constexpr std::uint64_t any_size = ~std::uint64_t{0};

// Follows the chain from `first` for `size` bytes, or to its end with any_size (directories). A
// chain that goes on behind the size is fine: so Linux leaves preallocated files.
Chain read_chain(const ReadAt& read, const Geometry& geometry, Cluster first, std::uint64_t size);

// How many clusters are free. Reads the whole table.
std::uint32_t count_free(const ReadAt& read, const Geometry& geometry);

} // namespace bootview::fat
