// Where the bytes of a file lie: its clusters in order, as runs of neighbours.
//
// Built for the worst file that FAT can hold, 4 GiB in clusters of 512 bytes with no two side by
// side: 8 bytes a run, found again by position in logarithmic time, by place in constant time.
#pragma once

#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/image/range.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace bootview::fat {

class Extents {
public:
    Extents() = default;
    // Clusters of this size, cluster 2 being at this byte offset.
    Extents(std::uint64_t data_offset, std::uint32_t cluster_size)
        : data_offset_(data_offset), cluster_size_(cluster_size) {}
    // One piece that is no cluster: the fixed root directory of FAT12/16.
    static Extents of(const Range& range);

    // Adds the file's next cluster; false, without adding it, when it is in the file already.
    bool append(Cluster cluster);
    // All clusters are there: the file ends after so many bytes, which lie inside of them.
    void finish(std::uint64_t size) { size_ = size; }
    // From bytes of the volume to bytes of the image.
    void shift(std::uint64_t by) { data_offset_ += by; }

    std::uint64_t size() const { return size_; }
    std::uint64_t allocated() const { return std::uint64_t{clusters_} * cluster_size_; }
    std::size_t runs() const {
        return chunks_.empty() ? 0 : (chunks_.size() - 1) * chunk_size + chunks_.back().size();
    }
    // Bytes of memory, roughly; cheap enough to be asked at every cluster.
    std::size_t footprint() const {
        return sizeof *this + runs() * sizeof(Run) + chunks_.size() * sizeof(Chunk) +
               bitmap_.size() * sizeof(bitmap_[0]) + bitmap_pages_ * sizeof(BitmapPage);
    }

    // Calls f(Range) for each piece of the bytes [offset, offset + length), in file order, as long
    // as it returns true. What lies behind the end is left out.
    template<typename Function>
    bool for_each(std::uint64_t offset, std::uint64_t length, Function f) const {
        offset = std::min(offset, size_);
        length = std::min(length, size_ - offset);
        if (length == 0)
            return true;
        auto [chunk, run, skipped] = position_of(offset / cluster_size_);
        std::uint64_t skip = offset - skipped * cluster_size_;
        for (; length > 0; ++run) {
            if (run == chunks_[chunk].size()) {
                ++chunk;
                run = 0;
            }
            const Range whole = range_of(chunks_[chunk][run]);
            const std::uint64_t take = std::min(whole.length - skip, length);
            if (!f(Range{whole.offset + skip, take}))
                return false;
            length -= take;
            skip = 0;
        }
        return true;
    }
    // All of it. For files of few pieces, and tests.
    std::vector<Range> ranges() const;
    // Ranges that hold all of it and, where pieces lie near each other, what is between them: few
    // enough to be entered in an index, which then asks overlaps().
    std::vector<Range> covering() const;
    // Does a byte of the file lie in this range? What its last cluster holds behind its end is not
    // of the file.
    bool overlaps(Range range) const;

    // The same clusters in the same order, and the same size.
    friend bool operator==(const Extents& a, const Extents& b) {
        return a.size_ == b.size_ && a.chunks_ == b.chunks_;
    }

private:
    struct Run {
        Cluster first = 0;
        std::uint32_t count = 0;
        friend bool operator==(const Run&, const Run&) = default;
    };
    static constexpr std::size_t chunk_size = 64;
    using Chunk = std::vector<Run>; // all but the last are full
    // Which clusters are in it, kept from the second chunk on: then searching would cost more.
    static constexpr std::size_t bits_per_page = 4096;
    using BitmapPage = std::array<std::uint64_t, bits_per_page / 64>;

    struct Position {
        std::size_t chunk;
        std::size_t run;       // in the chunk
        std::uint64_t skipped; // clusters before that run
    };
    Position position_of(std::uint64_t cluster_index) const;
    bool holds(Cluster cluster) const;
    void note(Cluster cluster);
    Range range_of(const Run& run) const {
        return {data_offset_ + std::uint64_t{run.first - 2} * cluster_size_,
                std::uint64_t{run.count} * cluster_size_};
    }

    std::uint64_t data_offset_ = 0;
    std::uint32_t cluster_size_ = 1;
    std::uint32_t clusters_ = 0;
    std::uint64_t size_ = 0;
    std::vector<Chunk> chunks_;
    std::vector<std::uint32_t> skipped_; // by chunk: clusters before it
    std::vector<std::unique_ptr<BitmapPage>> bitmap_;
    std::size_t bitmap_pages_ = 0;
};

} // namespace bootview::fat
