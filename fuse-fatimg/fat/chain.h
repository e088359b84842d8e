// Cluster chains: where the bytes of a file or directory lie.
//
// All offsets are bytes from the volume's start; Microsoft FAT specification 1.03 §4.
#pragma once

#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/fat/extents.h"
#include "fuse-fatimg/image/range.h"
#include "fuse-fatimg/image/read_at.h"

#include <cstdint>
#include <vector>

namespace bootview::fat {

enum class ChainState {
    complete,
    last_is_free, // all is there, but the last cluster is marked free: half-done, or freed under it
    too_short,    // ends before the size it must cover
    free_cluster, // leads to a cluster that is marked free
    bad_cluster,  // ends, before the size it must cover, in the mark of a bad cluster
    out_of_range,
    circular,
    table_cut, // the part of the table that says how it goes on is not there
    scattered, // over so much of the table, or in so many pieces, that it is not followed
};
const char* describe(ChainState state);

struct Chain {
    ChainState state = ChainState::complete;
    Extents extents;              // as far as they are known
    std::vector<Range> fat_bytes; // the sectors of the table that this was read from
    friend bool operator==(const Chain&, const Chain&) = default;
};

// Follows the chain from `first` for the `size` bytes of a file. A chain that goes on behind that
// is fine: so Linux leaves preallocated files. As for Linux, the mark of a bad cluster ends a
// chain. One in more than `maximum_pieces` is not followed to its end.
Chain read_file_chain(const ReadAt& read, const Geometry& geometry, Cluster first,
                      std::uint64_t size, std::size_t maximum_pieces = std::size_t{1} << 21);

// Follows a directory's chain to its end, or to as many bytes as a directory may have.
Chain read_directory_chain(const ReadAt& read, const Geometry& geometry, Cluster first);

} // namespace bootview::fat
