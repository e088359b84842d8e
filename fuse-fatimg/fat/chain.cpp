#include "fuse-fatimg/fat/chain.h"

#include "fuse-fatimg/fat/directory.h"
#include "fuse-fatimg/fat/table_reader.h"

#include <algorithm>

namespace bootview::fat {

namespace {

// Pages of the table that may be read for one chain: enough to read the largest table there can be
// once. Only a chain that jumps about in a table larger than what is kept of it needs more;
// following it would take seconds.
constexpr std::uint64_t maximum_pages_read = std::uint64_t{1} << 18;

// What follows when the chain ends before everything is covered that must be.
ChainState ended_early(std::uint32_t entry) {
    return entry == entry_bad ? ChainState::bad_cluster : ChainState::too_short;
}

// `size` is what a file must have, or what a directory may have.
Chain follow(const ReadAt& read, const Geometry& geometry, Cluster first, std::uint64_t size,
             std::size_t maximum_pieces, bool to_the_end) {
    Chain chain;
    chain.extents = Extents{geometry.data_offset, geometry.cluster_size};
    TableReader table{read, geometry};
    Cluster cluster = first;
    for (;;) {
        if (!geometry.contains(cluster)) {
            chain.state =
                cluster == entry_free ? ChainState::free_cluster : ChainState::out_of_range;
            break;
        }
        if (!chain.extents.append(cluster)) {
            chain.state = ChainState::circular;
            break;
        }
        // The entry of the last cluster is looked at too: a free one betrays a freed file.
        std::uint32_t entry = 0;
        try {
            entry = table.entry(cluster);
        } catch (const TableCut&) {
            chain.state = ChainState::table_cut;
            break;
        }
        if (chain.extents.allocated() >= size) {
            if (entry == entry_free)
                chain.state = ChainState::last_is_free;
            break;
        }
        if (entry >= entry_bad) {
            if (!to_the_end)
                chain.state = ended_early(entry);
            break;
        }
        if (table.pages_read() > maximum_pages_read || chain.extents.runs() > maximum_pieces) {
            chain.state = ChainState::scattered;
            break;
        }
        cluster = entry;
    }
    chain.extents.finish(std::min(size, chain.extents.allocated()));
    chain.fat_bytes = table.touched();
    return chain;
}

} // namespace

const char* describe(ChainState state) {
    switch (state) {
    case ChainState::complete:
        return "complete";
    case ChainState::last_is_free:
        return "its last cluster is marked free";
    case ChainState::too_short:
        return "its cluster chain is shorter than its size";
    case ChainState::free_cluster:
        return "its cluster chain leads to a free cluster";
    case ChainState::bad_cluster:
        return "its cluster chain leads to a bad cluster";
    case ChainState::out_of_range:
        return "its cluster chain leads out of the volume";
    case ChainState::circular:
        return "its cluster chain runs in a circle";
    case ChainState::table_cut:
        return "the part of the FAT that says where it lies is past the end of the partition or "
               "the image";
    case ChainState::scattered:
        return "its clusters are scattered more than there is time and memory to follow";
    }
    return "";
}

Chain read_file_chain(const ReadAt& read, const Geometry& geometry, Cluster first,
                      std::uint64_t size, std::size_t maximum_pieces) {
    if (size == 0)
        return {}; // an empty file, whatever its first cluster says
    return follow(read, geometry, first, size, maximum_pieces, false);
}

Chain read_directory_chain(const ReadAt& read, const Geometry& geometry, Cluster first) {
    constexpr std::uint64_t size = maximum_slots * slot_size;
    return follow(read, geometry, first, size, maximum_slots, true);
}

} // namespace bootview::fat
