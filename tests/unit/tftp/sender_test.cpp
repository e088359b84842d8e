#include "tftp-bridge/tftp/sender.h"

#include <gtest/gtest.h>

namespace bootview::tftp {
namespace {

using namespace std::chrono_literals;
using Kind = Step::Kind;

const Step nothing{};
const Step oack{Kind::send_oack};
const TimePoint t0{1000s};

Step data(std::uint64_t first, std::uint32_t count = 1) {
    return {Kind::send_data, first, count};
}

SenderParameters lock_step(std::uint64_t length) {
    SenderParameters parameters;
    parameters.length = length;
    return parameters;
}

SenderParameters windowed(std::uint64_t blocks, std::uint32_t window) {
    SenderParameters parameters;
    parameters.length = (blocks - 1) * 512 + 1;
    parameters.window_size = window;
    parameters.with_oack = true;
    return parameters;
}

// A sender with a window of 4 that has just sent the blocks 1 to 4 of 100.
Sender in_first_window(std::uint32_t window = 4) {
    Sender sender(windowed(100, window));
    EXPECT_EQ(sender.start(t0), oack);
    EXPECT_EQ(sender.acknowledge(0, t0), data(1, window));
    return sender;
}

// Or a server that waits for a file after a loss would look at this timer for ever.
TEST(Sender, WhoeverWaitsForAFilePutsOffTheRestartToo) {
    auto sender = in_first_window();
    EXPECT_EQ(sender.acknowledge(4, t0 + 1ms), data(5, 4));
    EXPECT_EQ(sender.acknowledge(4, t0 + 2ms), nothing); // 5 was lost
    const auto restart = sender.deadline();
    ASSERT_LT(restart, t0 + 500ms);
    sender.postpone(restart);
    EXPECT_GT(sender.deadline(), restart);
    EXPECT_LT(sender.deadline(), restart + 500ms);
    EXPECT_EQ(sender.expire(sender.deadline()), data(5, 4));
}

TEST(Sender, AFileArrivesBlockByBlock) {
    Sender sender(lock_step(1025));
    EXPECT_EQ(sender.start(t0), data(1));
    EXPECT_EQ(sender.acknowledge(1, t0), data(2));
    EXPECT_EQ(sender.acknowledge(2, t0), data(3));
    EXPECT_EQ(sender.acknowledge(3, t0).kind, Kind::finished);
    EXPECT_EQ(sender.repeated_packets(), 0U);
}

TEST(Sender, AnEmptyFileIsOneEmptyBlock) {
    Sender sender(lock_step(0));
    EXPECT_EQ(sender.start(t0), data(1));
    EXPECT_EQ(sender.acknowledge(1, t0).kind, Kind::finished);
}

TEST(Sender, AMultipleOfTheBlockSizeEndsWithAnEmptyBlock) {
    Sender sender(lock_step(1024));
    EXPECT_EQ(sender.last_block(), 3U);
}

TEST(Sender, NoDataGoesOutBeforeTheOptionsAreAcknowledged) {
    Sender sender(windowed(10, 4));
    EXPECT_EQ(sender.start(t0), oack);
    EXPECT_EQ(sender.acknowledge(1, t0), nothing);
    EXPECT_EQ(sender.acknowledge(0, t0), data(1, 4));
}

TEST(Sender, ALostOackIsRepeated) {
    Sender sender(windowed(10, 4));
    sender.start(t0);
    EXPECT_EQ(sender.expire(t0 + 999ms), nothing);
    EXPECT_EQ(sender.expire(t0 + 1s), oack);
    EXPECT_EQ(sender.acknowledge(0, t0 + 1s), data(1, 4));
}

TEST(Sender, InLockStepARepeatedAckDoesNotDoubleTheTraffic) {
    Sender sender(lock_step(100'000));
    sender.start(t0);
    EXPECT_EQ(sender.acknowledge(1, t0), data(2));
    EXPECT_EQ(sender.acknowledge(1, t0 + 500ms), nothing);
    EXPECT_EQ(sender.acknowledge(1, t0 + 900ms), nothing);
    EXPECT_EQ(sender.repeated_packets(), 0U);
    EXPECT_EQ(sender.deadline(), t0 + 1s) << "and does not put the timeout off";
}

TEST(Sender, AWindowIsFollowedByTheNextOne) {
    auto sender = in_first_window();
    EXPECT_EQ(sender.acknowledge(4, t0), data(5, 4));
    EXPECT_EQ(sender.acknowledge(8, t0), data(9, 4));
}

TEST(Sender, TheLastWindowIsAsShortAsTheFile) {
    Sender sender(windowed(6, 4));
    sender.start(t0);
    sender.acknowledge(0, t0);
    EXPECT_EQ(sender.acknowledge(4, t0), data(5, 2));
    EXPECT_TRUE(sender.all_sent());
    EXPECT_EQ(sender.acknowledge(6, t0).kind, Kind::finished);
}

TEST(Sender, AGapInTheWindowIsFilledAtOnce) {
    auto sender = in_first_window();
    EXPECT_EQ(sender.acknowledge(2, t0), data(3, 4));
    EXPECT_EQ(sender.repeated_packets(), 2U);
}

TEST(Sender, AClientThatReportsAGapForEveryBlockIsAnsweredOnce) {
    auto sender = in_first_window();
    EXPECT_EQ(sender.acknowledge(2, t0), data(3, 4));
    EXPECT_EQ(sender.acknowledge(2, t0 + 1ms), nothing);
    EXPECT_EQ(sender.acknowledge(2, t0 + 2ms), nothing);
}

TEST(Sender, AComplaintOfAWindowSentTwiceDoesNotBringTheNextOne) {
    auto sender = in_first_window();
    EXPECT_EQ(sender.acknowledge(2, t0 + 1ms), data(3, 4)) << "3 is missing, or only late";
    EXPECT_EQ(sender.acknowledge(3, t0 + 2ms), data(7, 1)) << "it was late: 3 came twice";
    EXPECT_EQ(sender.acknowledge(7, t0 + 3ms), data(8, 4));
    EXPECT_EQ(sender.acknowledge(9, t0 + 4ms), data(10, 4)) << "a new gap is filled at once";
}

TEST(Sender, AGapInAWindowSentTwiceIsFilledSoon) {
    auto sender = in_first_window();
    EXPECT_EQ(sender.acknowledge(2, t0 + 1ms), data(3, 4));
    EXPECT_EQ(sender.acknowledge(3, t0 + 2ms), data(7, 1)) << "4 was lost; it may be an echo";
    EXPECT_LE(sender.deadline(), t0 + 300ms);
    const auto soon = sender.deadline();
    EXPECT_EQ(sender.expire(soon), data(4, 4));
    EXPECT_EQ(sender.tries(), 0U) << "the client is not silent";
    EXPECT_EQ(sender.deadline(), t0 + 2ms + 1s);
}

TEST(Sender, ALostFirstBlockOfAWindowIsRepeatedSoonAfterTheFirstComplaint) {
    auto sender = in_first_window();
    EXPECT_EQ(sender.acknowledge(4, t0), data(5, 4));
    EXPECT_EQ(sender.acknowledge(4, t0 + 1ms), nothing);
    const auto soon = sender.deadline();
    EXPECT_LE(soon, t0 + 20ms);
    EXPECT_EQ(sender.expire(soon), data(5, 4));
    EXPECT_EQ(sender.acknowledge(4, soon + 1ms), nothing) << "only once per round trip";
    EXPECT_EQ(sender.deadline(), t0 + 1s);
    EXPECT_EQ(sender.acknowledge(4, soon + 250ms), nothing) << "but again if it was lost again";
    EXPECT_EQ(sender.expire(sender.deadline()), data(5, 4));
    EXPECT_EQ(sender.tries(), 0U);
}

TEST(Sender, ALostVeryFirstBlockIsRepeatedSoonAfterTheFirstComplaint) {
    auto sender = in_first_window();
    EXPECT_EQ(sender.acknowledge(0, t0 + 1ms), nothing);
    EXPECT_LE(sender.deadline(), t0 + 20ms);
    EXPECT_EQ(sender.expire(sender.deadline()), data(1, 4));
}

TEST(Sender, AnAckThatTheNetworkDoublesDoesNotDoubleTheTraffic) {
    auto sender = in_first_window();
    for (std::uint16_t block = 4; block < 96; block += 4) {
        EXPECT_EQ(sender.acknowledge(block, t0 + block * 1ms), data(block + 1U, 4));
        EXPECT_EQ(sender.acknowledge(block, t0 + block * 1ms), nothing);
    }
    EXPECT_EQ(sender.repeated_packets(), 0U);
}

TEST(Sender, TheSecondAckOfARepeatedOackIsNoComplaint) {
    Sender sender(windowed(100, 4));
    sender.start(t0);
    EXPECT_EQ(sender.expire(t0 + 1s), oack);
    EXPECT_EQ(sender.acknowledge(0, t0 + 1s), data(1, 4));
    EXPECT_EQ(sender.acknowledge(0, t0 + 1s), nothing);
}

TEST(Sender, AClientThatOnlyComplainsIsGivenUp) {
    auto sender = in_first_window();
    auto now = t0;
    Step step;
    for (int i = 0; i < 1000 && step.kind != Kind::gave_up; ++i) {
        now += 300ms;
        sender.acknowledge(0, now);
        step = sender.expire(now);
    }
    EXPECT_EQ(step.kind, Kind::gave_up);
}

TEST(Sender, AcksOfBlocksNeverSentChangeNothing) {
    auto sender = in_first_window();
    EXPECT_EQ(sender.acknowledge(5, t0), nothing);
    EXPECT_EQ(sender.acknowledge(40'000, t0), nothing);
    EXPECT_EQ(sender.acknowledge(4, t0), data(5, 4));
    EXPECT_EQ(sender.acknowledge(2, t0), nothing) << "long past";
}

TEST(Sender, NothingIsRepeatedInTheFirstSecond) {
    Sender sender(lock_step(5000));
    sender.start(t0);
    EXPECT_EQ(sender.expire(t0 + 999ms), nothing);
    EXPECT_EQ(sender.expire(t0 + 1000ms), data(1));
}

TEST(Sender, TheWaitDoublesUpToEightSecondsAndThenItEnds) {
    Sender sender(lock_step(5000));
    sender.start(t0);
    sender.acknowledge(1, t0);
    auto now = t0;
    for (const auto wait : {1s, 2s, 4s, 8s, 8s, 8s}) {
        now += wait;
        EXPECT_EQ(sender.deadline(), now);
        EXPECT_EQ(sender.expire(now), data(2));
    }
    EXPECT_EQ(sender.expire(now + 8s).kind, Kind::gave_up);
}

TEST(Sender, AnyProgressResetsTheWait) {
    Sender sender(lock_step(5000));
    sender.start(t0);
    sender.expire(t0 + 1s);
    sender.expire(t0 + 3s);
    EXPECT_EQ(sender.acknowledge(1, t0 + 4s), data(2));
    EXPECT_EQ(sender.deadline(), t0 + 5s);
}

TEST(Sender, TheTimeoutAClientAsksForIsUsed) {
    for (const Clock::duration asked : {Clock::duration(20ms), Clock::duration(20s)}) {
        auto parameters = lock_step(5000);
        parameters.timeout = asked;
        Sender sender(parameters);
        sender.start(t0);
        EXPECT_EQ(sender.deadline(), t0 + asked);
        sender.expire(t0 + asked);
        EXPECT_GE(sender.deadline(), t0 + 2 * asked) << "never shorter than the one before";
    }
}

TEST(Sender, AWindowIsRepeatedFromTheLastAckOn) {
    auto sender = in_first_window();
    sender.acknowledge(4, t0);
    EXPECT_EQ(sender.expire(t0 + 1s), data(5, 4));
    EXPECT_EQ(sender.repeated_packets(), 4U);
}

TEST(Sender, AfterALossWindowsGoOutInSmallerBurstsUntilEightCameThrough) {
    auto sender = in_first_window(8);
    EXPECT_EQ(sender.burst(), 8U);
    auto now = t0 + 2ms;
    EXPECT_EQ(sender.acknowledge(5, now), data(6, 8)); // 6 was lost
    EXPECT_EQ(sender.burst(), 4U);
    for (std::uint16_t last = 13; last <= 13 + 6 * 8; last = static_cast<std::uint16_t>(last + 8)) {
        sender.acknowledge(last, now += 10ms);
        EXPECT_EQ(sender.burst(), 4U) << last;
    }
    sender.acknowledge(13 + 7 * 8, now += 10ms);
    EXPECT_EQ(sender.burst(), 8U);
    EXPECT_EQ(sender.pause(), 10ms) << "a round trip";
}

TEST(Sender, BurstsDoNotBecomeTooSmall) {
    for (const std::uint32_t window : {1U, 3U, 64U}) {
        auto sender = in_first_window(window);
        for (int i = 0; i < 5; ++i)
            EXPECT_EQ(sender.expire(sender.deadline()).kind, Kind::send_data);
        EXPECT_EQ(sender.burst(), std::min(window, 4U));
    }
}

TEST(Sender, ALateAckAfterATimeoutDoesNotRepeatTheWindowOnceMore) {
    auto sender = in_first_window();
    sender.acknowledge(4, t0);
    sender.expire(t0 + 1s);
    EXPECT_EQ(sender.acknowledge(4, t0 + 1s + 1ms), nothing);
}

TEST(Sender, AMissingLastAckIsNotAFailure) {
    Sender sender(lock_step(600));
    sender.start(t0);
    sender.acknowledge(1, t0);
    auto now = t0;
    for (int i = 0; i < 6; ++i)
        EXPECT_EQ(sender.expire(now += 10s), data(2));
    EXPECT_EQ(sender.expire(now + 10s).kind, Kind::unconfirmed);
}

TEST(Sender, WhoHasAcknowledgedNothingGetsLittle) {
    for (const bool with_options : {false, true}) {
        Sender sender(with_options ? windowed(100, 64) : lock_step(5000));
        unsigned packets = 0;
        auto step = sender.start(t0);
        for (; step.kind != Kind::gave_up; step = sender.expire(sender.deadline()))
            packets += step.kind == Kind::nothing ? 0 : std::max(step.count, 1U);
        EXPECT_EQ(packets, with_options ? Sender::max_unheard_oacks : Sender::max_unheard_blocks);
        EXPECT_FALSE(sender.heard());
    }
}

TEST(Sender, WhatWasHeldBackFromAClientComesWhenItAcknowledgesAfterAll) {
    Sender sender(lock_step(5000));
    sender.start(t0);
    for (int i = 0; i < 4; ++i)
        sender.expire(sender.deadline());
    EXPECT_EQ(sender.acknowledge(1, t0 + 20s), data(2));
    EXPECT_EQ(sender.expire(t0 + 21s), data(2)) << "and is repeated from then on";
}

TEST(Sender, ARequestThatComesWithoutEndIsNotAnsweredWithoutEnd) {
    Sender sender(lock_step(5000));
    sender.start(t0);
    unsigned answers = 0;
    for (int i = 0; i < 1000; ++i)
        answers += sender.repeat_first(t0 + i * 1ms) == data(1);
    EXPECT_LE(answers, Sender::max_prompt_repeats + 2);
    EXPECT_EQ(sender.repeat_first(t0 + 5s), data(1)) << "a client that waits is";
}

TEST(Sender, ARepeatedRequestGetsTheFirstPacketAgain) {
    Sender plain(lock_step(5000));
    plain.start(t0);
    EXPECT_EQ(plain.repeat_first(t0), data(1));
    Sender with_options(windowed(10, 4));
    with_options.start(t0);
    EXPECT_EQ(with_options.repeat_first(t0), oack);
    EXPECT_EQ(with_options.acknowledge(0, t0), data(1, 4));
}

TEST(Sender, FilesOfMoreThan65535BlocksArriveWhole) {
    for (const std::uint32_t window : {1U, 7U, 64U, 65535U})
        for (const auto rollover : {Rollover::to_zero, Rollover::to_one}) {
            if (window == 65535 && rollover == Rollover::to_one)
                continue; // 65535 numbers cannot tell 65536 acknowledgements apart
            auto parameters = windowed(200'000, window);
            parameters.rollover = rollover;
            Sender sender(parameters);
            sender.start(t0);
            auto step = sender.acknowledge(0, t0);
            std::uint64_t expected = 1;
            while (step.kind == Kind::send_data) {
                ASSERT_EQ(step.first, expected);
                expected += step.count;
                step = sender.acknowledge(to_wire(expected - 1, rollover), t0);
            }
            EXPECT_EQ(step.kind, Kind::finished);
            EXPECT_EQ(expected, 200'001U);
            EXPECT_EQ(sender.repeated_packets(), 0U);
        }
}

} // namespace
} // namespace bootview::tftp
