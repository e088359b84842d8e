#include "tftp-bridge/dhcp/line_limit.h"

#include <gtest/gtest.h>

namespace bootview::dhcp {
namespace {

using namespace std::chrono_literals;

const LineLimit::TimePoint start = LineLimit::TimePoint{} + 1000s;

TEST(LineLimit, AMachineThatKeepsTryingIsToldOfOnceAMinute) {
    LineLimit limit;
    int lines = 0;
    for (int second = 0; second < 120; ++second)
        lines += limit.allows("machine, reason", start + second * 1s) ? 1 : 0;
    EXPECT_EQ(lines, 2);
    EXPECT_TRUE(limit.allows("machine, another reason", start));
}

TEST(LineLimit, AFloodOfMachinesLeavesTheLogReadableAndIsCounted) {
    LineLimit limit;
    unsigned lines = 0;
    for (int i = 0; i < 10000; ++i)
        lines += limit.allows(std::to_string(i), start) ? 1 : 0;
    EXPECT_EQ(lines, LineLimit::lines_per_period);
    EXPECT_EQ(limit.take_kept_back(start), 0U);
    EXPECT_EQ(limit.take_kept_back(start + 10s), 10000 - LineLimit::lines_per_period);
    EXPECT_EQ(limit.take_kept_back(start + 10s), 0U);
    EXPECT_TRUE(limit.allows("next", start + 10s));
}

} // namespace
} // namespace bootview::dhcp
