#include "tftp-bridge/tftp/timer_queue.h"

#include <gtest/gtest.h>

namespace bootview::tftp {
namespace {

using namespace std::chrono_literals;
const TimePoint t0{1000s};

TEST(TimerQueue, TheEarliestComesFirst) {
    TimerQueue timers(4);
    timers.add(t0 + 3s, 3);
    timers.add(t0 + 1s, 1);
    timers.add(t0 + 2s, 2);
    for (const std::uint64_t id : {1, 2, 3}) {
        const auto due = timers.take_due(t0 + 3s);
        ASSERT_TRUE(due);
        EXPECT_EQ(due->id, id);
    }
    EXPECT_FALSE(timers.take_due(t0 + 3s));
}

TEST(TimerQueue, NothingIsDueEarly) {
    TimerQueue timers(4);
    timers.add(t0, 1);
    EXPECT_FALSE(timers.take_due(t0 - 1ns));
    EXPECT_TRUE(timers.take_due(t0));
}

TEST(TimerQueue, TheServerSleepsAsLongAsItMayAndNeverSpins) {
    TimerQueue timers(4);
    EXPECT_EQ(timers.wait_ms(t0), -1);
    timers.add(t0 + 1500us, 1);
    EXPECT_EQ(timers.wait_ms(t0), 2) << "rounded up";
    EXPECT_EQ(timers.wait_ms(t0 + 1s), 0);
    TimerQueue far(1);
    far.add(TimePoint::max(), 1);
    EXPECT_GT(far.wait_ms(TimePoint{}), 0);
}

TEST(TimerQueue, WhatIsGoodForNothingCanBeDropped) {
    TimerQueue queue(0);
    for (std::uint64_t id = 0; id < 100; ++id)
        queue.add(TimePoint(std::chrono::seconds(100 - id)), id);
    queue.keep_if([](const TimerQueue::Entry& entry) { return entry.id % 10 == 0; });
    EXPECT_EQ(queue.size(), 10U);
    std::vector<std::uint64_t> order;
    while (const auto due = queue.take_due(TimePoint::max()))
        order.push_back(due->id);
    EXPECT_EQ(order, (std::vector<std::uint64_t>{90, 80, 70, 60, 50, 40, 30, 20, 10, 0}));
}

} // namespace
} // namespace bootview::tftp
