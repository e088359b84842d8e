#include "tftp-bridge/tftp/worker_pool.h"

#include <poll.h>

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace bootview::tftp {
namespace {

// As the event loop does.
void run_until(WorkerPool& pool, const std::function<bool()>& done) {
    while (!done()) {
        pollfd waiting{pool.fd(), POLLIN, 0};
        ASSERT_EQ(poll(&waiting, 1, 60'000), 1) << "nothing was completed";
        pool.run_completed();
    }
}

TEST(WorkerPool, EveryJobIsDoneAndReportedInOurOwnThread) {
    WorkerPool pool(4);
    std::atomic<int> worked = 0;
    int reported = 0;
    const auto us = std::this_thread::get_id();
    for (int i = 0; i < 1000; ++i)
        pool.submit(
            [&] {
                EXPECT_NE(std::this_thread::get_id(), us);
                ++worked;
            },
            [&] {
                EXPECT_EQ(std::this_thread::get_id(), us);
                ++reported;
            });
    run_until(pool, [&] { return reported == 1000; });
    EXPECT_EQ(worked, 1000);
}

TEST(WorkerPool, AJobThatWaitsDoesNotHoldUpTheOthers) {
    WorkerPool pool(3);
    std::promise<void> gate;
    const auto opened = gate.get_future().share();
    int slow = 0, quick = 0;
    for (int i = 0; i < 2; ++i)
        pool.submit([opened] { opened.wait(); }, [&] { ++slow; });
    for (int i = 0; i < 100; ++i)
        pool.submit([] {}, [&] { ++quick; });
    run_until(pool, [&] { return quick == 100; });
    EXPECT_EQ(slow, 0);
    gate.set_value();
    run_until(pool, [&] { return slow == 2; });
}

TEST(WorkerPool, AThreadThatADeadFileSystemHoldsDoesNotHoldUpTheEnd) {
    static std::promise<void> gate; // outlives the pool, as the thread does
    gate = {};
    auto pool = std::make_unique<WorkerPool>(2);
    std::promise<void> begun;
    pool->submit(
        [&begun, released = gate.get_future().share()] {
            begun.set_value();
            released.wait();
        },
        [] { FAIL() << "reported after the end"; });
    begun.get_future().wait();
    pool.reset();
    gate.set_value();
}

} // namespace
} // namespace bootview::tftp
