#include "fuse-fatimg/fat/chain.h"

#include "fuse-fatimg/image/bytes.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace bootview::fat {

namespace {

// Values of a table entry, as FAT32 has them; the shorter ones are widened.
constexpr std::uint32_t entry_mask = 0x0fffffff; // the high four bits are reserved
constexpr std::uint32_t entry_bad = 0x0ffffff7;
constexpr std::uint32_t entry_end = 0x0ffffff8; // this and above

// Reads entries of the active FAT through a window of a few sectors.
class TableReader {
public:
    TableReader(const ReadAt& read, const Geometry& geometry) : read_(read), geometry_(geometry) {}

    std::uint32_t entry(Cluster cluster) {
        std::uint32_t value = 0;
        std::uint32_t widest = 0; // of the values that do not name a cluster
        switch (geometry_.type) {
        case Type::fat12: {
            // One and a half bytes each, so an entry may lie across two sectors.
            const std::uint64_t at = cluster + cluster / 2;
            const std::uint32_t pair = byte(at) | static_cast<std::uint32_t>(byte(at + 1)) << 8;
            value = cluster % 2 != 0 ? pair >> 4 : pair & 0xfff;
            widest = 0xff7;
            break;
        }
        case Type::fat16: {
            const auto bytes = window(std::uint64_t{cluster} * 2, 2);
            value = get16(bytes, 0);
            widest = 0xfff7;
            break;
        }
        case Type::fat32: {
            const auto bytes = window(std::uint64_t{cluster} * 4, 4);
            return get32(bytes, 0) & entry_mask;
        }
        }
        return value >= widest ? value - widest + entry_bad : value;
    }

    std::vector<Range> touched() && { return std::move(touched_); }

private:
    static constexpr std::size_t window_size = 4096;

    std::uint8_t byte(std::uint64_t at) { return get8(window(at, 1), 0); }

    std::span<const std::byte> window(std::uint64_t at, std::size_t count) {
        if (at < start_ || at + count > start_ + length_) {
            start_ = at - at % window_size;
            length_ = std::min<std::uint64_t>(window_size, geometry_.fat_length - start_);
            if (!read_(geometry_.active_fat_offset() + start_, std::span{data_}.first(length_)))
                throw std::system_error(EIO, std::generic_category(), "reading the FAT");
        }
        note(at, count);
        return std::span{data_}.subspan(at - start_, count);
    }

    // The sectors that were looked at, joined where they touch.
    void note(std::uint64_t at, std::size_t count) {
        const std::uint64_t size = geometry_.sector_size;
        const std::uint64_t begin = geometry_.active_fat_offset() + at / size * size;
        const std::uint64_t end =
            geometry_.active_fat_offset() + (at + count + size - 1) / size * size;
        if (!touched_.empty() && begin >= touched_.back().offset && begin <= touched_.back().end())
            touched_.back().length = std::max(touched_.back().end(), end) - touched_.back().offset;
        else if (std::none_of(touched_.begin(), touched_.end(), [&](const Range& range) {
                     return range.offset <= begin && end <= range.end();
                 }))
            touched_.push_back({begin, end - begin});
    }

    const ReadAt& read_;
    const Geometry& geometry_;
    std::array<std::byte, window_size> data_{};
    std::uint64_t start_ = 0;
    std::uint64_t length_ = 0;
    std::vector<Range> touched_;
};

} // namespace

namespace {

// A chain that comes back to itself is seen by its length only where it has no other end.
bool visits_twice(std::vector<Range> extents) {
    std::sort(extents.begin(), extents.end(),
              [](const Range& a, const Range& b) { return a.offset < b.offset; });
    return std::adjacent_find(extents.begin(), extents.end(), [](const Range& a, const Range& b) {
               return a.end() > b.offset;
           }) != extents.end();
}

} // namespace

const char* describe(ChainState state) {
    switch (state) {
    case ChainState::complete:
        return "complete";
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
    }
    return "";
}

Chain read_chain(const ReadAt& read, const Geometry& geometry, Cluster first, std::uint64_t size) {
    Chain chain;
    if (size == 0)
        return chain; // an empty file, whatever its first cluster says
    TableReader table{read, geometry};
    std::uint64_t covered = 0;
    std::uint32_t steps = 0;
    Cluster cluster = first;
    for (;;) {
        if (!geometry.contains(cluster)) {
            chain.state = cluster == 0 ? ChainState::free_cluster : ChainState::out_of_range;
            break;
        }
        if (++steps > geometry.clusters) { // more steps than clusters: some came twice
            chain.state = ChainState::circular;
            break;
        }
        const std::uint64_t take = std::min<std::uint64_t>(geometry.cluster_size, size - covered);
        const std::uint64_t offset = geometry.offset_of(cluster);
        if (!chain.extents.empty() && chain.extents.back().end() == offset)
            chain.extents.back().length += take;
        else
            chain.extents.push_back({offset, take});
        covered += take;

        // The entry of the last cluster is looked at too: a free one betrays a freed file.
        const std::uint32_t entry = table.entry(cluster);
        if (covered == size || entry >= entry_end) {
            if (entry == 0)
                chain.state = ChainState::free_cluster;
            else if (covered < size && size != any_size)
                chain.state = ChainState::too_short;
            break;
        }
        if (entry == entry_bad || entry <= 1) {
            chain.state = entry == entry_bad ? ChainState::bad_cluster : ChainState::free_cluster;
            break;
        }
        cluster = entry;
    }
    if (chain.state == ChainState::complete && visits_twice(chain.extents))
        chain.state = ChainState::circular;
    chain.fat_bytes = std::move(table).touched();
    return chain;
}

std::uint32_t count_free(const ReadAt& read, const Geometry& geometry) {
    TableReader table{read, geometry};
    std::uint32_t free = 0;
    for (std::uint32_t i = 0; i < geometry.clusters; ++i)
        free += table.entry(i + 2) == 0 ? 1 : 0;
    return free;
}

} // namespace bootview::fat
