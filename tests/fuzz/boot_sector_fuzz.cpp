// A FAT volume without anything above it: boot sector, cluster chains, a walk through directories.
//
// Input: the size of what holds the volume in sectors of 512 (4 bytes); then its first bytes. What
// is not given is zero.
#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/fat/chain.h"
#include "fuse-fatimg/fat/directory.h"
#include "fuse-fatimg/fat/free_space.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/heap_meter.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/sparse_image.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <vector>

using namespace bootview;
using namespace bootview::fuzz;

namespace {

constexpr std::size_t memory_of_a_request = std::size_t{160} << 20;
constexpr unsigned deepest = 4;
constexpr std::uint64_t most_counted = 1 << 20; // bytes of FAT; a fuzzer's time is for other things

class Walk {
    template<typename Function>
    auto measured(Function function) {
        image_.reset_work();
        reset_heap_peak();
        auto result = function();
        require(heap_peak() <= memory_of_a_request, "a request takes a bounded amount of memory");
        return result;
    }

public:
    Walk(const SparseImage& image, const fat::Geometry& geometry)
        : image_(image), read_(image.reader()), g_(geometry) {}

    void check_geometry() const {
        const std::uint64_t end = g_.offset_of(g_.clusters + 1) + g_.cluster_size;
        require(g_.fat_offset >= g_.sector_size && g_.fat_length > 0, "there is a FAT");
        require(g_.fats > 0 && g_.active_fat < g_.fats, "the active FAT exists");
        require(g_.fat_offset + g_.fats * g_.fat_length <= g_.root_offset, "the FATs have room");
        require(g_.root_offset + std::uint64_t{g_.root_entries} * fat::slot_size <= g_.data_offset,
                "the root directory has room");
        require(g_.clusters > 0 && g_.data_offset < end && end <= g_.volume_size,
                "all clusters lie inside the volume");
        require(g_.type != fat::Type::fat32 || g_.contains(g_.root_cluster),
                "the root directory is one of the clusters");
    }

    void directory(fat::Cluster first, unsigned depth) {
        std::vector<Range> ranges;
        if (first == 0) {
            ranges.push_back({g_.root_offset, std::uint64_t{g_.root_entries} * fat::slot_size});
        } else {
            const fat::Chain chain =
                measured([&] { return fat::read_directory_chain(read_, g_, first); });
            check(chain, fat::maximum_slots * fat::slot_size);
            if (chain.state != fat::ChainState::complete)
                return;
            ranges = chain.extents.ranges();
        }
        std::vector<std::byte> data;
        for (const Range& range : ranges) {
            data.resize(data.size() + range.length);
            require(image_.read(range.offset, std::span{data}.last(range.length)),
                    "a directory lies inside of the volume");
        }
        const fat::Directory parsed = fat::parse_directory(data, g_.type);
        for (const fat::Entry& entry : parsed.entries) {
            if (entries_left_ == 0)
                return;
            --entries_left_;
            require(fat::is_presentable(entry.name), "a name that a kernel may be given");
            if (!entry.is_directory())
                file(entry);
            else if (depth < deepest && g_.contains(entry.first_cluster))
                directory(entry.first_cluster, depth + 1);
        }
    }

    void space() {
        if (g_.fat_length > most_counted && g_.fat_length < std::uint64_t{64} << 20)
            return;
        const auto free = measured([&] { return fat::count_free(read_, g_); });
        require(!free || *free <= g_.clusters, "no more clusters are free than there are");
        require(image_.work().bytes <= std::uint64_t{65} << 20, "counting what is free is bounded");
    }

private:
    void file(const fat::Entry& entry) {
        const fat::Chain chain = measured(
            [&] { return fat::read_file_chain(read_, g_, entry.first_cluster, entry.size); });
        check(chain, entry.size);
        require(chain.state != fat::ChainState::complete || chain.extents.size() == entry.size,
                "a complete chain covers its file");
    }

    void check(const fat::Chain& chain, std::uint64_t size) const {
        const std::uint64_t steps = chain.extents.allocated() / g_.cluster_size + 1;
        require(image_.work().calls <= 2 * steps, "a step along a chain takes two reads at most");
        require(chain.extents.size() <= size, "a chain is cut to its size");
        require(chain.extents.allocated() <= size + g_.cluster_size, "a chain is not followed on");
        std::uint64_t sum = 0;
        for (const Range& range : chain.extents.ranges()) {
            require(range.length > 0 && range.offset >= g_.data_offset &&
                        range.offset < g_.volume_size &&
                        range.length <= g_.volume_size - range.offset,
                    "a chain lies inside of the clusters");
            sum += range.length;
        }
        require(sum == chain.extents.size(), "the pieces sum up to the size");
        std::vector<Range> sorted = chain.extents.ranges();
        std::sort(sorted.begin(), sorted.end(),
                  [](const Range& one, const Range& other) { return one.offset < other.offset; });
        require(std::adjacent_find(sorted.begin(), sorted.end(),
                                   [](const Range& one, const Range& other) {
                                       return one.end() > other.offset;
                                   }) == sorted.end(),
                "no cluster is in a chain twice");
        for (const Range& range : chain.fat_bytes)
            require(range.offset >= g_.active_fat_offset() &&
                        range.end() <= g_.active_fat_offset() + g_.fat_length,
                    "a chain is read from the active FAT");
    }

    const SparseImage& image_;
    ReadAt read_;
    const fat::Geometry& g_;
    unsigned entries_left_ = 100;
};

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input{data, size};
    SparseImage image{std::uint64_t{input.u32()} * 512};
    image.write(0, input.rest());
    std::array<std::byte, fat::boot_sector_size> sector{};
    if (!image.read(0, sector))
        return 0;
    try {
        const fat::Geometry geometry = fat::parse_boot_sector(sector);
        Walk walk{image, geometry};
        walk.check_geometry();
        if (geometry.volume_size > image.size()) // a view of such ones: whole_image_fuzz
            return 0;
        walk.directory(geometry.type == fat::Type::fat32 ? geometry.root_cluster : 0, 0);
        walk.space();
    } catch (const fat::Refused& e) {
        require(e.what()[0] != '\0', "a refusal says why");
    }
    return 0;
}
