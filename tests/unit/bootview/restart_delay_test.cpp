#include "bootview/restart_delay.h"

#include <gtest/gtest.h>

namespace bootview {
namespace {

using namespace std::chrono_literals;

TEST(RestartDelay, DoublesUpToTenSeconds) {
    RestartDelay delay;
    for (const auto expected : {200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 10000ms, 10000ms})
        EXPECT_EQ(delay.next(1s), expected);
}

TEST(RestartDelay, AGoodRunForgivesWhatWasBefore) {
    RestartDelay delay;
    delay.next(1s);
    delay.next(1s);
    EXPECT_EQ(delay.next(30s), 200ms);
    EXPECT_EQ(delay.next(1s), 400ms);
}

} // namespace
} // namespace bootview
