// The ring itself: what a publisher does, a subscriber must find. If these fail, fuse-fatimg serves
// bytes that a client has just replaced.
#include "change-ring/publisher.h"
#include "change-ring/subscriber.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace bootview;
using namespace bootview::ring;

namespace {

Descriptor copy_of(const Publisher& publisher) {
    return Descriptor{::fcntl(publisher.descriptor(), F_DUPFD_CLOEXEC, 0)};
}

// A publisher and a subscriber of one small ring.
struct Pair {
    explicit Pair(std::uint64_t slots = 8)
        : publisher({1, 2}, 1 << 20, nullptr, slots), subscriber(copy_of(publisher)) {}
    Publisher publisher;
    Subscriber subscriber;

    bool drain() {
        changes.clear();
        return subscriber.drain([this](const Change& change) { changes.push_back(change); });
    }
    std::vector<Change> changes;
};

TEST(Ring, AWriteIsSeenBeforeItIsDone) {
    Pair pair;
    const std::uint64_t number = pair.publisher.begin(Kind::write, 4096, 512);
    ASSERT_TRUE(pair.drain());
    ASSERT_EQ(pair.changes.size(), 1U);
    EXPECT_EQ(pair.changes[0].offset, 4096U);
    EXPECT_EQ(pair.changes[0].length, 512U);
    EXPECT_EQ(pair.changes[0].kind, Kind::write);
    EXPECT_FALSE(pair.changes[0].done);
    EXPECT_TRUE(pair.subscriber.in_flight(4607, 1));
    EXPECT_FALSE(pair.subscriber.in_flight(4608, 1));
    EXPECT_FALSE(pair.subscriber.in_flight(4095, 1));
    pair.publisher.done(number);
    ASSERT_TRUE(pair.drain());
    EXPECT_TRUE(pair.changes.empty()) << "a change is reported once";
    EXPECT_FALSE(pair.subscriber.in_flight(0, 1 << 20));
}

TEST(Ring, EveryKindIsPublished) {
    Pair pair;
    for (const Kind kind : {Kind::write, Kind::zero, Kind::trim, Kind::flush})
        pair.publisher.done(pair.publisher.begin(kind, 1, 2));
    ASSERT_TRUE(pair.drain());
    ASSERT_EQ(pair.changes.size(), 4U);
    EXPECT_EQ(pair.changes[1].kind, Kind::zero);
    EXPECT_EQ(pair.changes[2].kind, Kind::trim);
    EXPECT_EQ(pair.changes[3].kind, Kind::flush);
}

TEST(Ring, OneThatLaggedBehindIsToldThatItMissedSomething) {
    Pair pair{4};
    for (int i = 0; i < 5; ++i)
        pair.publisher.done(pair.publisher.begin(Kind::write, 0, 1));
    EXPECT_FALSE(pair.drain());
    EXPECT_TRUE(pair.drain()) << "and then goes on from there";
    pair.publisher.done(pair.publisher.begin(Kind::write, 7, 1));
    ASSERT_TRUE(pair.drain());
    ASSERT_EQ(pair.changes.size(), 1U);
    EXPECT_EQ(pair.changes[0].offset, 7U);
}

TEST(Ring, AFullRingIsNotYetAnOverflowForTheOneWhoReadsInTime) {
    Pair pair{4};
    for (int round = 0; round < 10; ++round) {
        for (std::uint64_t i = 0; i < 3; ++i)
            pair.publisher.done(pair.publisher.begin(Kind::write, i, 1));
        ASSERT_TRUE(pair.drain());
        ASSERT_EQ(pair.changes.size(), 3U);
    }
}

TEST(Ring, WhoComesLateKnowsWhatIsStillUnderWay) {
    Publisher publisher{{1, 2}, 1 << 20, nullptr, 8};
    publisher.done(publisher.begin(Kind::write, 0, 512));
    const std::uint64_t number = publisher.begin(Kind::write, 8192, 512);
    publisher.done(publisher.begin(Kind::write, 1024, 512));
    Subscriber late{copy_of(publisher)};
    EXPECT_TRUE(late.in_flight(8192, 512));
    EXPECT_FALSE(late.in_flight(0, 8192));
    publisher.done(number);
    ASSERT_TRUE(late.drain([](const Change&) { FAIL() << "nothing new happened"; }));
    EXPECT_FALSE(late.in_flight(8192, 512));
}

TEST(Ring, AfterAnOverflowWhatIsUnderWayIsStillKnown) {
    Pair pair{8};
    const std::uint64_t number = pair.publisher.begin(Kind::write, 4096, 512);
    for (int i = 0; i < 7; ++i) // as many as fit before the slot of the first one is needed again
        pair.publisher.done(pair.publisher.begin(Kind::write, 0, 1));
    pair.drain();
    EXPECT_TRUE(pair.subscriber.in_flight(4096, 512));
    pair.publisher.done(number);
    pair.drain();
    EXPECT_FALSE(pair.subscriber.in_flight(4096, 512));
}

TEST(Ring, TheEndOfThePublisherIsWrittenDown) {
    auto publisher = std::make_unique<Publisher>(ImageId{1, 2}, 3);
    Subscriber subscriber{copy_of(*publisher)};
    EXPECT_EQ(subscriber.state(), State::live);
    EXPECT_EQ(subscriber.image_size(), 3U);
    publisher->writer_opened();
    EXPECT_EQ(subscriber.writers(), 1U);
    publisher.reset();
    EXPECT_EQ(subscriber.state(), State::closing);
}

TEST(Ring, TwoLivesOfOnePublisherDiffer) {
    const Publisher a{{1, 2}, 3};
    const Publisher b{{1, 2}, 3};
    EXPECT_NE(a.header().instance, b.header().instance);
}

TEST(Ring, ASubscriberCanNeitherWriteNorShrinkTheSegment) {
    const Publisher publisher{{1, 2}, 3};
    const Descriptor segment = copy_of(publisher);
    EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, segment.get(), 0),
              MAP_FAILED);
    EXPECT_EQ(::ftruncate(segment.get(), 0), -1);
    EXPECT_EQ(::pwrite(segment.get(), "x", 1, 0), -1);
}

TEST(Ring, WhatIsNoRingIsRefused) {
    Descriptor unsealed{::memfd_create("test", MFD_CLOEXEC)};
    ASSERT_EQ(::ftruncate(unsealed.get(), 1 << 20), 0);
    EXPECT_THROW(Subscriber{std::move(unsealed)}, std::runtime_error);

    for (const std::size_t field : {0, 8, 48}) { // magic, ABI version, number of slots
        const Publisher publisher{{1, 2}, 3, nullptr, 8};
        std::vector<char> bytes(segment_size(8));
        ASSERT_GT(::pread(publisher.descriptor(), bytes.data(), bytes.size(), 0), 0);
        bytes[field] = static_cast<char>(bytes[field] ^ 0x55);
        Descriptor forged{::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
        ASSERT_GT(::write(forged.get(), bytes.data(), bytes.size()), 0);
        ASSERT_EQ(::fcntl(forged.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
        EXPECT_THROW(Subscriber{std::move(forged)}, std::runtime_error) << field;
    }
}

// Many publishers change a shared array under the protocol, and a subscriber reads it under the
// protocol: what it accepts must be of one version. `image` stands for the disk.
class RingOfSlots : public testing::TestWithParam<std::uint64_t> {};

TEST_P(RingOfSlots, UnderSixteenPublishersNoReaderAcceptsAMixture) {
    constexpr std::size_t cells = 8; // each with its own publishers, like files on a disk
    constexpr std::size_t words = 64;
    constexpr unsigned publishers = 16;
    Publisher publisher{{1, 2}, 1 << 20, nullptr, GetParam()};
    struct Cell {
        std::atomic<bool> busy{false}; // two clients never write one block at once
        std::array<std::atomic<std::uint64_t>, words> content{};
        std::atomic<std::uint64_t> replied{0}; // the version of the last write that was replied to
    };
    std::array<Cell, cells> image;
    std::atomic<bool> stop{false};

    std::vector<std::thread> threads;
    for (unsigned t = 0; t < publishers; ++t)
        threads.emplace_back([&, t] {
            for (std::size_t i = t; !stop; ++i) {
                Cell& cell = image[i % cells];
                if (cell.busy.exchange(true))
                    continue;
                const std::uint64_t version = cell.replied + 1;
                {
                    const Publication change{publisher, Kind::write, i % cells * 4096, 4096};
                    for (auto& word : cell.content)
                        word.store(version, std::memory_order_relaxed);
                }
                cell.replied = version;
                cell.busy = false;
            }
        });

    Subscriber subscriber{copy_of(publisher)};
    std::array<bool, cells> changed{};
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
    std::uint64_t torn = 0;
    std::uint64_t stale = 0;
    const auto take = [&] {
        if (!subscriber.drain([&](const Change& c) { changed[c.offset / 4096] = true; }))
            changed.fill(true);
    };
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{1500};
    for (std::size_t i = 0; std::chrono::steady_clock::now() < end; ++i) {
        const std::size_t which = i % cells;
        const std::uint64_t replied = image[which].replied;
        take();
        if (subscriber.in_flight(which * 4096, 4096)) {
            ++refused;
            continue;
        }
        changed[which] = false;
        std::array<std::uint64_t, words> seen;
        for (std::size_t w = 0; w < words; ++w)
            seen[w] = image[which].content[w].load(std::memory_order_relaxed);
        take();
        if (changed[which]) {
            ++refused;
            continue;
        }
        ++accepted;
        for (const std::uint64_t word : seen)
            torn += word != seen[0] ? 1 : 0;
        stale += seen[0] < replied ? 1 : 0;
    }
    stop = true;
    for (std::thread& thread : threads)
        thread.join();
    std::printf("%llu accepted, %llu refused, %llu changes\n",
                static_cast<unsigned long long>(accepted), static_cast<unsigned long long>(refused),
                static_cast<unsigned long long>(publisher.newest()));
    EXPECT_GT(accepted, 0U);
    EXPECT_EQ(torn, 0U);
    EXPECT_EQ(stale, 0U);
    EXPECT_EQ(publisher.header().begin, publisher.header().end);
}

INSTANTIATE_TEST_SUITE_P(Slots, RingOfSlots, testing::Values(2, 4, 64, default_slots));

// A slot that is about to be reused must be done: its publisher waits for the other *write*.
TEST(Ring, ASlotInUseIsNotTakenAway) {
    Publisher publisher{{1, 2}, 3, nullptr, 2};
    Subscriber subscriber{copy_of(publisher)};
    const std::uint64_t first = publisher.begin(Kind::write, 4096, 1);
    std::atomic<bool> through{false};
    publisher.done(publisher.begin(Kind::write, 0, 1));
    std::thread other{[&] {
        publisher.done(publisher.begin(Kind::write, 0, 1)); // wants the slot of `first`
        through = true;
    }};
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    EXPECT_FALSE(through);
    subscriber.drain([](const Change&) {});
    EXPECT_TRUE(subscriber.in_flight(4096, 1));
    publisher.done(first);
    other.join();
    EXPECT_TRUE(through);
}

} // namespace
