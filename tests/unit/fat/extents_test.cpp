#include "fuse-fatimg/fat/extents.h"

#include <random>
#include <set>

#include <gtest/gtest.h>

using namespace bootview;
using namespace bootview::fat;

namespace {

constexpr std::uint64_t data_offset = 10'000;
constexpr std::uint32_t cluster_size = 1024;

std::uint64_t offset_of(Cluster cluster) {
    return data_offset + std::uint64_t{cluster - 2} * cluster_size;
}

// Against the plainest model there is: a list of clusters.
class ExtentsAgainstModel : public testing::TestWithParam<int> {};

TEST_P(ExtentsAgainstModel, FindEveryByteAndNoOther) {
    std::mt19937 random{static_cast<std::uint32_t>(GetParam())};
    std::vector<Cluster> clusters;
    std::set<Cluster> held;
    Extents extents{data_offset, cluster_size};
    const Cluster span = 500 + random() % 200'000;
    const std::size_t wanted = std::min<std::size_t>(span / 2, 1 + random() % 3000);
    while (clusters.size() < wanted) {
        // Mostly neighbours, upwards, and jumps.
        const Cluster c =
            !clusters.empty() && random() % 3 != 0 ? clusters.back() + 1 : 2 + random() % span;
        ASSERT_EQ(extents.append(c), held.insert(c).second);
        if (held.size() > clusters.size())
            clusters.push_back(c);
    }
    const std::uint64_t size = clusters.size() * cluster_size - random() % cluster_size;
    extents.finish(size);
    EXPECT_EQ(extents.allocated(), clusters.size() * cluster_size);

    for (int i = 0; i < 200; ++i) {
        const std::uint64_t from = random() % (size + 2000);
        const std::uint64_t length = random() % 20'000;
        std::uint64_t at = from;
        extents.for_each(from, length, [&](const Range& range) {
            for (std::uint64_t k = 0; k < range.length; ++k, ++at)
                EXPECT_EQ(range.offset + k,
                          offset_of(clusters[at / cluster_size]) + at % cluster_size);
            return true;
        });
        EXPECT_EQ(at, std::max(from, std::min(size, from + length)));
    }
    const auto covering = extents.covering();
    for (const Cluster c : clusters)
        EXPECT_TRUE(std::any_of(covering.begin(), covering.end(), [&](const Range& range) {
            return range.offset <= offset_of(c) && range.end() >= offset_of(c) + cluster_size;
        }));
    for (std::size_t i = 1; i < covering.size(); ++i)
        EXPECT_LT(covering[i - 1].end(), covering[i].offset);
    const std::uint64_t end_of_cluster = offset_of(clusters.back() + 1);
    const std::uint64_t end_of_file = end_of_cluster - (extents.allocated() - size);
    for (int i = 0; i < 2000; ++i) {
        const Range range{i % 4 == 0 ? end_of_file - 600 + random() % 1200
                                     : random() % (span * cluster_size + 30'000),
                          1 + random() % (i % 3 == 0 ? 100 : 5000)};
        bool expected = false;
        for (std::uint64_t at = range.offset; at < range.end(); ++at)
            if (at >= data_offset && (at < end_of_file || at >= end_of_cluster) &&
                held.count(static_cast<Cluster>((at - data_offset) / cluster_size + 2)) != 0)
                expected = true;
        EXPECT_EQ(extents.overlaps(range), expected) << range.offset << '+' << range.length;
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExtentsAgainstModel, testing::Range(0, 20));

TEST(Extents, ThatAreEqualHoldTheSameClustersInTheSameOrder) {
    const auto make = [](std::vector<Cluster> clusters, std::uint64_t size) {
        Extents extents{data_offset, cluster_size};
        for (const Cluster c : clusters)
            extents.append(c);
        extents.finish(size);
        return extents;
    };
    EXPECT_EQ(make({5, 6, 9}, 3000), make({5, 6, 9}, 3000));
    EXPECT_NE(make({5, 6, 9}, 3000), make({5, 9, 6}, 3000));
    EXPECT_NE(make({5, 6, 9}, 3000), make({5, 6, 9}, 3001));
    Extents moved = make({5, 6, 9}, 3000);
    moved.shift(1 << 20);
    EXPECT_EQ(moved.ranges().front().offset, offset_of(5) + (1 << 20));
}

TEST(Extents, OfTheWorstFileTakeLittleMoreThanEightBytesAPiece) {
    Extents extents{data_offset, cluster_size};
    const std::size_t count = 1'000'000;
    for (Cluster c = 0; c < count; ++c)
        extents.append(2 + c * 2);
    extents.finish(count * std::uint64_t{cluster_size});
    EXPECT_EQ(extents.runs(), count);
    EXPECT_LT(extents.footprint(), count * 10);
    EXPECT_EQ(extents.covering().size(), 1U);
}

} // namespace
