#include "fuse-fatimg/fat/free_space.h"
#include "tests/unit/fat/bytes_builder.h"

#include <algorithm>

#include <gtest/gtest.h>

using namespace bootview;
using namespace bootview::fat;
using bootview::test::put;

namespace {

// FSInfo: both signatures, and a number.
std::optional<std::uint32_t> stated(std::uint32_t lead, std::uint32_t second, std::uint32_t free,
                                    Type type = Type::fat32) {
    std::array<std::byte, 512> sector{};
    put(sector, 0, 4, lead);
    put(sector, 484, 4, second);
    put(sector, 488, 4, free);
    Geometry geometry;
    geometry.type = type;
    geometry.information_offset = 512;
    geometry.clusters = 1000;
    return stated_free(
        [&](std::uint64_t at, std::span<std::byte> data) {
            if (at != 512 || data.size() > sector.size())
                return false;
            std::copy_n(sector.begin(), data.size(), data.begin());
            return true;
        },
        geometry);
}

TEST(FreeSpace, FsInfoIsAHintWithTwoSignatures) {
    EXPECT_EQ(stated(0x41615252, 0x61417272, 999), 999U);
    EXPECT_EQ(stated(0x41615252, 0, 999), std::nullopt);
    EXPECT_EQ(stated(0, 0x61417272, 999), std::nullopt);
    EXPECT_EQ(stated(0x41615252, 0x61417272, 999, Type::fat16), std::nullopt);
}

TEST(FreeSpace, FsInfoThatClaimsMoreThanThereIsIsUnknown) {
    EXPECT_EQ(stated(0x41615252, 0x61417272, 1000), 1000U);
    EXPECT_EQ(stated(0x41615252, 0x61417272, 1001), std::nullopt);
    EXPECT_EQ(stated(0x41615252, 0x61417272, 0xffffffff), std::nullopt);
}

} // namespace
