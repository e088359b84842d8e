#include "fuse-fatimg/fat/chain.h"
#include "fuse-fatimg/fat/directory.h"
#include "fuse-fatimg/fat/free_space.h"
#include "tests/unit/fat/bytes_builder.h"

#include <map>

#include <gtest/gtest.h>

using namespace bootview;
using namespace bootview::fat;
using bootview::test::put;

namespace {

// A volume that is only a table: 1,000 clusters of 1 KiB.
class TableOnly {
public:
    explicit TableOnly(Type type) {
        geometry.type = type;
        geometry.cluster_size = 1024;
        geometry.fat_offset = 512;
        geometry.fat_length = 8192;
        geometry.data_offset = 65536;
        geometry.clusters = 1000;
        bytes.resize(geometry.fat_offset + 2 * geometry.fat_length);
    }
    void set(Cluster cluster, std::uint32_t value) {
        const std::size_t base = geometry.fat_offset;
        if (geometry.type == Type::fat32)
            return put(bytes, base + cluster * 4, 4, value);
        if (geometry.type == Type::fat16)
            return put(bytes, base + cluster * 2, 2, value & 0xffff);
        const std::size_t at = base + cluster + cluster / 2;
        const auto old =
            std::to_integer<unsigned>(bytes[at]) | std::to_integer<unsigned>(bytes[at + 1]) << 8;
        value &= 0xfff;
        put(bytes, at, 2, cluster % 2 != 0 ? (old & 0x000f) | value << 4 : (old & 0xf000) | value);
    }
    Chain follow(Cluster first, std::uint64_t size) const {
        return read_file_chain(reader(), geometry, first, size);
    }
    Chain directory(Cluster first) const { return read_directory_chain(reader(), geometry, first); }
    ReadAt reader() const {
        return [this](std::uint64_t at, std::span<std::byte> data) {
            if (at + data.size() > bytes.size())
                return false;
            std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), data.size(), data.begin());
            return true;
        };
    }
    Geometry geometry;
    std::vector<std::byte> bytes;
};

class ChainOfType : public testing::TestWithParam<Type> {
protected:
    TableOnly table{GetParam()};
    static constexpr std::uint32_t end = 0x0fffffff;
};

TEST_P(ChainOfType, IsFollowedToItsEndAndItsExtentsAreJoined) {
    table.set(10, 11);
    table.set(11, 12);
    table.set(12, 700);
    table.set(700, end);
    const Chain chain = table.follow(10, 3 * 1024 + 5);
    EXPECT_EQ(chain.state, ChainState::complete);
    EXPECT_EQ(chain.extents.ranges(), (std::vector<Range>{{table.geometry.offset_of(10), 3 * 1024},
                                                          {table.geometry.offset_of(700), 5}}));
    EXPECT_EQ(table.directory(10).extents.ranges()[1].length, 1024U);
}

TEST_P(ChainOfType, KnowsWhichSectorsItWasReadFrom) {
    table.set(10, 700);
    table.set(700, end);
    const Chain chain = table.follow(10, 2048);
    for (const Cluster cluster : {10U, 700U}) {
        const std::uint64_t byte = table.geometry.type == Type::fat32   ? cluster * 4
                                   : table.geometry.type == Type::fat16 ? cluster * 2
                                                                        : cluster + cluster / 2;
        bool covered = false;
        for (const Range& range : chain.fat_bytes)
            covered = covered || range.overlaps({table.geometry.fat_offset + byte, 1});
        EXPECT_TRUE(covered) << cluster;
    }
}

TEST_P(ChainOfType, AnEmptyFileHasNoneWhateverItsFirstClusterSays) {
    EXPECT_EQ(table.follow(0, 0).state, ChainState::complete);
    EXPECT_EQ(table.follow(5, 0).state, ChainState::complete);
    EXPECT_EQ(table.follow(0, 1).state, ChainState::free_cluster);
}

TEST_P(ChainOfType, EveryKindOfDamageIsFound) {
    table.set(10, 11);
    table.set(11, end);
    EXPECT_EQ(table.follow(10, 2049).state, ChainState::too_short);
    EXPECT_EQ(table.follow(10, 2048).state, ChainState::complete);
    table.set(11, 0);
    EXPECT_EQ(table.follow(10, 3000).state, ChainState::free_cluster);
    EXPECT_EQ(table.follow(10, 2048).state, ChainState::last_is_free) << "freed under its entry";
    table.set(11, 1);
    EXPECT_EQ(table.follow(10, 3000).state, ChainState::out_of_range);
    table.set(11, 1002);
    EXPECT_EQ(table.follow(10, 3000).state, ChainState::out_of_range);
    table.set(11, 0x0ffffff7);
    EXPECT_EQ(table.follow(10, 3000).state, ChainState::bad_cluster);
    EXPECT_EQ(table.follow(1002, 1).state, ChainState::out_of_range);
    EXPECT_EQ(table.follow(1, 1).state, ChainState::out_of_range);
}

TEST_P(ChainOfType, ACircleIsFoundAlsoWhereTheSizeWouldEndIt) {
    table.set(10, 11);
    table.set(11, 10);
    EXPECT_EQ(table.directory(10).state, ChainState::circular);
    EXPECT_EQ(table.follow(10, 4 * 1024).state, ChainState::circular);
}

TEST_P(ChainOfType, WhatFollowsBehindTheSizeIsNoMatter) {
    table.set(10, 11);
    table.set(11, 12);
    table.set(12, end);
    const Chain chain = table.follow(10, 1024);
    EXPECT_EQ(chain.state, ChainState::complete);
    EXPECT_EQ(chain.extents.size(), 1024U);
}

TEST_P(ChainOfType, TheMarkOfABadClusterEndsAChainAsForLinux) {
    table.set(10, 11);
    table.set(11, 0x0ffffff7);
    EXPECT_EQ(table.follow(10, 2048).state, ChainState::complete);
    EXPECT_EQ(table.directory(10).state, ChainState::complete);
    EXPECT_EQ(table.directory(10).extents.size(), 2048U);
}

TEST_P(ChainOfType, EveryEndMarkEndsAChain) {
    for (std::uint32_t mark = 0x0ffffff8; mark <= 0x0fffffff; ++mark) {
        table.set(10, mark);
        EXPECT_EQ(table.directory(10).extents.size(), 1024U) << mark;
    }
}

TEST_P(ChainOfType, ADirectoryIsNotFollowedBeyondWhatOneMayHave) {
    table.geometry.cluster_size = 65536;
    for (Cluster c = 10; c < 100; ++c)
        table.set(c, c + 1);
    table.set(100, end);
    const Chain chain = table.directory(10);
    EXPECT_EQ(chain.state, ChainState::complete);
    EXPECT_EQ(chain.extents.size(), maximum_slots * slot_size);
}

TEST_P(ChainOfType, TwoFilesMayShareClusters) { // cross links are for fsck to mend
    table.set(10, 12);
    table.set(11, 12);
    table.set(12, end);
    EXPECT_EQ(table.follow(10, 2048).state, ChainState::complete);
    EXPECT_EQ(table.follow(11, 2048).state, ChainState::complete);
}

TEST_P(ChainOfType, IsNotFollowedThroughMorePiecesThanItMayHave) {
    for (Cluster c = 10; c < 900; c += 2)
        table.set(c, c + 2);
    table.set(900, end);
    EXPECT_EQ(read_file_chain(table.reader(), table.geometry, 10, 446 * 1024).state,
              ChainState::complete);
    EXPECT_EQ(read_file_chain(table.reader(), table.geometry, 10, 446 * 1024, 400).state,
              ChainState::scattered);
}

TEST_P(ChainOfType, FreeClustersAreCounted) {
    EXPECT_EQ(count_free(table.reader(), table.geometry), 1000U);
    table.set(2, end);
    table.set(1001, end);
    EXPECT_EQ(count_free(table.reader(), table.geometry), 998U);
}

INSTANTIATE_TEST_SUITE_P(Types, ChainOfType,
                         testing::Values(Type::fat12, Type::fat16, Type::fat32));

TEST(Chain, AFat12EntryMayLieAcrossSectorsAndPages) {
    TableOnly table{Type::fat12};
    table.geometry.clusters = 4000;
    const Cluster across_sectors = 341; // byte 511.5
    const Cluster across_pages = 2730;  // byte 4095
    table.set(across_sectors, across_pages);
    table.set(across_pages, 7);
    table.set(7, 0xfff);
    const Chain chain = table.follow(across_sectors, 3 * 1024);
    EXPECT_EQ(chain.state, ChainState::complete);
    // Both sectors of each are depended on; the last is that of cluster 7.
    std::uint64_t bytes = 0;
    for (const Range& range : chain.fat_bytes)
        bytes += range.length;
    EXPECT_EQ(bytes, 4U * 512);
}

TEST(Chain, AHugeTableIsReadByPagesAndNotCounted) {
    Geometry geometry;
    geometry.type = Type::fat32;
    geometry.cluster_size = 65536;
    geometry.clusters = 32 << 20; // 2 TiB
    geometry.fat_offset = 16384;
    geometry.fat_length = std::uint64_t{geometry.clusters} * 4 + 512;
    geometry.data_offset = geometry.fat_offset + geometry.fat_length;
    std::uint64_t read_bytes = 0;
    const ReadAt read = [&](std::uint64_t at, std::span<std::byte> data) {
        read_bytes += data.size();
        // Each entry leads 100,003 clusters further.
        for (std::size_t i = 0; i < data.size(); i += 4) {
            const std::uint64_t cluster = (at + i - geometry.fat_offset) / 4;
            put(data, i, 4, (cluster + 100'003) % geometry.clusters);
        }
        return true;
    };
    const Chain chain = read_file_chain(read, geometry, 5, 300 * 65536);
    EXPECT_EQ(chain.state, ChainState::complete);
    EXPECT_EQ(chain.extents.runs(), 300U);
    EXPECT_LE(read_bytes, 300U * 4096);
    read_bytes = 0;
    EXPECT_EQ(count_free(read, geometry), std::nullopt);
    EXPECT_LE(read_bytes, 512U);
}

TEST(Chain, TheHighFourBitsOfAFat32EntryAreNotPartOfIt) {
    TableOnly table{Type::fat32};
    table.set(10, 0xf000000b);
    table.set(11, 0xffffffff);
    EXPECT_EQ(table.follow(10, 2048).state, ChainState::complete);
}

} // namespace
