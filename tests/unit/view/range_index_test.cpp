#include "fuse-fatimg/view/range_index.h"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

using namespace bootview;
using namespace bootview::view;

namespace {

TEST(RangeIndex, AgreesWithALinearSearch) {
    std::mt19937 random{1};
    RangeIndex<int> index;
    std::vector<std::pair<Range, int>> all;
    const auto any_range = [&] {
        const std::uint64_t longest = random() % 4 == 0 ? 3'000'000 : 2000;
        return Range{random() % 20'000'000, 1 + random() % longest};
    };
    for (int round = 0; round < 2000; ++round) {
        if (random() % 3 != 0 || all.empty()) {
            all.emplace_back(any_range(), static_cast<int>(random() % 100));
            index.add(all.back().first, all.back().second);
        } else {
            const std::size_t which = random() % all.size();
            const auto item = all[which];
            std::erase(all, item);
            index.remove(item.first, item.second);
        }
        const Range probe = any_range();
        std::vector<int> expected;
        for (const auto& [range, who] : all)
            if (range.overlaps(probe))
                expected.push_back(who);
        std::sort(expected.begin(), expected.end());
        expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
        std::vector<int> found = index.hit_by(probe);
        std::sort(found.begin(), found.end());
        ASSERT_EQ(found, expected);
    }
}

TEST(RangeIndex, NeighboursThatOnlyTouchAreNotHit) {
    RangeIndex<int> index;
    index.add({512, 512}, 1);
    EXPECT_TRUE(index.hit_by({0, 512}).empty());
    EXPECT_TRUE(index.hit_by({1024, 512}).empty());
    EXPECT_EQ(index.hit_by({1023, 1}).size(), 1U);
    EXPECT_EQ(index.hit_by({0, 1ULL << 50}).size(), 1U);
}

} // namespace
