#include "tftp-bridge/tftp/options.h"

#include "bytes.h"

#include <gtest/gtest.h>

namespace bootview::tftp {
namespace {

using namespace std::chrono_literals;

OptionList asked(std::initializer_list<Option> options) {
    OptionList list;
    for (const auto& option : options)
        list.add(option);
    return list;
}

Negotiated agree(std::initializer_list<Option> options, std::uint64_t length = 1000,
                 const OptionLimits& limits = {1468, 64}) {
    return std::get<Negotiated>(negotiate(asked(options), length, limits));
}

using Accepted = std::vector<AcceptedOption>;

TEST(Options, ARequestWithoutOptionsGetsTheTftpOf1992) {
    const auto result = agree({});
    EXPECT_EQ(result.block_size, 512U);
    EXPECT_EQ(result.window_size, 1U);
    EXPECT_TRUE(result.accepted.empty());
}

TEST(Options, TheAnswerKeepsOrderAndSpelling) {
    const auto result = agree({{"TSize", "0"}, {"BLKSIZE", "1024"}, {"windowsize", "4"}});
    EXPECT_EQ(result.accepted,
              (Accepted{{"TSize", "1000"}, {"BLKSIZE", "1024"}, {"windowsize", "4"}}));
    EXPECT_EQ(build_oack(result), bytes("\0\6TSize\0"
                                        "1000\0BLKSIZE\0"
                                        "1024\0windowsize\0"
                                        "4\0"));
}

TEST(Options, WhatWeDoNotKnowIsLeftOutAndNeverAnError) {
    const auto result = agree({{"multicast", ""}, {"msftwindow", "31416"}, {"tsize", "0"}});
    EXPECT_EQ(result.accepted, (Accepted{{"tsize", "1000"}}));
}

TEST(Options, LargeBlocksAndWindowsAreCutToTheLimits) {
    const auto result = agree({{"blksize", "65464"}, {"windowsize", "65535"}});
    EXPECT_EQ(result.block_size, 1468U);
    EXPECT_EQ(result.window_size, 64U);
    EXPECT_EQ(result.accepted, (Accepted{{"blksize", "1468"}, {"windowsize", "64"}}));
}

TEST(Options, NumbersThatDoNotFitAreJustLarge) {
    EXPECT_EQ(agree({{"blksize", "99999999999999999999999"}}).block_size, 1468U);
    EXPECT_EQ(agree({{"blksize", "4294967304"}}).block_size, 1468U); // 2^32 + 8
}

TEST(Options, BlocksBelowEightBytesAreRefused) {
    for (const auto* value : {"0", "7"}) {
        const auto result = negotiate(asked({{"blksize", value}}), 0, {});
        ASSERT_TRUE(std::holds_alternative<Refusal>(result));
        EXPECT_EQ(std::get<Refusal>(result).code, ErrorCode::bad_option);
    }
    EXPECT_EQ(agree({{"blksize", "8"}}).block_size, 8U);
}

TEST(Options, Blksize2IsAPowerOfTwo) {
    EXPECT_EQ(agree({{"blksize2", "1400"}}).accepted, (Accepted{{"blksize2", "1024"}}));
    EXPECT_EQ(agree({{"blksize2", "65464"}}).block_size, 1024U) << "not beyond the limit";
    EXPECT_EQ(agree({{"blksize2", "65464"}}, 1, {}).block_size, 32768U);
    EXPECT_TRUE(agree({{"blksize2", "511"}}).accepted.empty());
}

TEST(Options, OfTwoBlockSizesTheStandardOneCountsAndIsTheOnlyOneAcknowledged) {
    for (const auto& result : {agree({{"blksize", "1000"}, {"blksize2", "512"}}),
                               agree({{"blksize2", "512"}, {"blksize", "1000"}})}) {
        EXPECT_EQ(result.block_size, 1000U);
        EXPECT_EQ(result.accepted, (Accepted{{"blksize", "1000"}}));
    }
}

TEST(Options, ValuesThatAreNoNumbersAreLeftOut) {
    for (const auto* value : {"", "-1", "x", "12x", " 12", "0x10"})
        EXPECT_TRUE(
            agree({{"blksize", value}, {"windowsize", value}, {"tsize", value}}).accepted.empty())
            << value;
}

TEST(Options, SizesBeyondFourGigabytesAreTold) {
    EXPECT_EQ(agree({{"tsize", "0"}}, 5'000'000'000).accepted, (Accepted{{"tsize", "5000000000"}}));
}

TEST(Options, ASizeInTheRequestCountsAsZero) {
    EXPECT_EQ(agree({{"tsize", "77"}}).accepted, (Accepted{{"tsize", "1000"}}));
}

TEST(Options, ATimeoutIsTakenExactlyOrNotAtAll) {
    EXPECT_EQ(agree({{"timeout", "5"}}).timeout, 5s);
    EXPECT_EQ(agree({{"timeout", "255"}}).accepted, (Accepted{{"timeout", "255"}}));
    for (const auto* value : {"0", "256"}) {
        EXPECT_EQ(agree({{"timeout", value}}).timeout, std::nullopt);
        EXPECT_TRUE(agree({{"timeout", value}}).accepted.empty());
    }
}

TEST(Options, OfTwoTimeoutsTheFinerCountsAndIsTheOnlyOneAcknowledged) {
    for (const auto& result : {agree({{"timeout", "5"}, {"utimeout", "20000"}}),
                               agree({{"utimeout", "20000"}, {"timeout", "5"}})}) {
        EXPECT_EQ(result.timeout, 20ms);
        EXPECT_EQ(result.accepted, (Accepted{{"utimeout", "20000"}}));
    }
    EXPECT_EQ(agree({{"utimeout", "9999"}, {"timeout", "5"}}).timeout, 5s);
}

TEST(Options, AWindowOfNoBlocksIsLeftOut) {
    EXPECT_TRUE(agree({{"windowsize", "0"}}).accepted.empty());
    EXPECT_EQ(agree({{"windowsize", "0"}}).window_size, 1U);
}

TEST(Options, RolloverIsZeroOrOne) {
    EXPECT_EQ(agree({{"rollover", "1"}}).rollover, Rollover::to_one);
    EXPECT_EQ(agree({{"rollover", "0"}}).accepted, (Accepted{{"rollover", "0"}}));
    EXPECT_TRUE(agree({{"rollover", "2"}}).accepted.empty());
}

TEST(Options, OfARepeatedOptionTheFirstCounts) {
    const auto result = agree({{"blksize", "1024"}, {"BlkSize", "512"}});
    EXPECT_EQ(result.block_size, 1024U);
    EXPECT_EQ(result.accepted, (Accepted{{"blksize", "1024"}}));
}

} // namespace
} // namespace bootview::tftp
