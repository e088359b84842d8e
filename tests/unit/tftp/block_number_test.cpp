#include "tftp-bridge/tftp/block_number.h"

#include <gtest/gtest.h>

namespace bootview::tftp {
namespace {

TEST(BlockNumber, FilesOfMoreThan65535BlocksGoOnWithZero) {
    EXPECT_EQ(to_wire(65535, Rollover::to_zero), 65535);
    EXPECT_EQ(to_wire(65536, Rollover::to_zero), 0);
    EXPECT_EQ(to_wire(65537, Rollover::to_zero), 1);
}

TEST(BlockNumber, ClientsThatAskForRolloverOneGetOneAfter65535) {
    EXPECT_EQ(to_wire(65535, Rollover::to_one), 65535);
    EXPECT_EQ(to_wire(65536, Rollover::to_one), 1);
    EXPECT_EQ(to_wire(2 * 65535ULL, Rollover::to_one), 65535);
    EXPECT_EQ(to_wire(2 * 65535ULL + 1, Rollover::to_one), 1);
}

TEST(BlockNumber, AcknowledgementsAroundTheWrapMeanTheRightBlock) {
    for (const auto rollover : {Rollover::to_zero, Rollover::to_one})
        for (std::uint64_t from : {0ULL, 1ULL, 65530ULL, 65535ULL, 65536ULL, 131070ULL, 1ULL << 33})
            for (std::uint64_t block = from; block < from + 70; ++block)
                EXPECT_EQ(from_wire(to_wire(block, rollover), from, rollover), block)
                    << "from " << from;
}

TEST(BlockNumber, TheLargestWindowIsAcknowledgedAtItsEnd) {
    EXPECT_EQ(from_wire(to_wire(100 + 65534, Rollover::to_zero), 99, Rollover::to_zero),
              100 + 65534);
}

TEST(BlockNumber, WithRolloverOneNoBlockOfDataIsZero) {
    EXPECT_EQ(from_wire(0, 65535, Rollover::to_one), std::nullopt);
    EXPECT_EQ(from_wire(0, 0, Rollover::to_one), 0U);
}

} // namespace
} // namespace bootview::tftp
