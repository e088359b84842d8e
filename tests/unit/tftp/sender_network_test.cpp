// The sender over a network that loses, doubles and reorders, in simulated time: thousands of
// transfers, the same ones each time. What counts here is what the wire bears; that real bytes
// arrive is judged over real sockets.
#include "tftp-bridge/tftp/sender.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <queue>
#include <random>
#include <vector>

namespace bootview::tftp {
namespace {

using namespace std::chrono_literals;
using Kind = Step::Kind;

struct Badness {
    unsigned lost, doubled, reordered; // percent
};

struct Counted {
    bool complete = false;
    std::uint64_t data = 0;          // DATA packets sent
    std::uint64_t acks_received = 0; // by the sender
    std::uint64_t timeouts = 0;
    std::uint64_t disturbed = 0;
};

// A receiver as in RFC 7440 §4, which reports each gap once and repeats itself after a second.
struct Receiver {
    std::uint64_t blocks;
    std::uint32_t window;
    std::uint64_t done = 0, acknowledged = 0;
    bool complained = false;

    // Whether to acknowledge `done` now.
    bool take(std::uint64_t block) {
        if (block != done + 1) {
            const bool first = !complained;
            complained = true;
            return first && (window > 1 || block == done); // lock-step: the ACK was lost
        }
        complained = false;
        ++done;
        return done == blocks || done - acknowledged >= window;
    }
};

class Simulation {
public:
    Simulation(std::uint64_t blocks, std::uint32_t window, Badness badness, unsigned seed)
        : badness_(badness), random_(seed), receiver_{blocks, window} {
        SenderParameters parameters;
        parameters.length = (blocks - 1) * 512 + 100;
        parameters.window_size = window;
        parameters.retries = 20;
        sender_.emplace(parameters);
    }

    Counted run() {
        perform(sender_->start(now_));
        auto client_timer = now_ + 1s;
        for (int i = 0; i < 2'000'000 && !ended_; ++i) {
            const auto next = packets_.empty() ? TimePoint::max() : packets_.top().when;
            now_ = std::min({next, sender_->deadline(), client_timer});
            if (now_ == next) {
                const auto packet = packets_.top();
                packets_.pop();
                if (packet.to_sender) {
                    ++counted_.acks_received;
                    perform(sender_->acknowledge(static_cast<std::uint16_t>(packet.block), now_));
                } else if (receiver_.take(packet.block)) {
                    acknowledge();
                    client_timer = now_ + 1s;
                }
            } else if (now_ == sender_->deadline()) {
                ++counted_.timeouts;
                perform(sender_->expire(now_));
            } else {
                receiver_.complained = false;
                acknowledge();
                client_timer = now_ + 1s;
            }
        }
        counted_.complete = receiver_.done == receiver_.blocks && ended_;
        return counted_;
    }

private:
    struct Packet {
        TimePoint when;
        std::uint64_t order;
        bool to_sender;
        std::uint64_t block;
        bool operator<(const Packet& other) const { // the earliest on top
            return when != other.when ? when > other.when : order > other.order;
        }
    };

    bool happens(unsigned percent) {
        const bool it_does = random_() % 100 < percent;
        counted_.disturbed += it_does;
        return it_does;
    }
    void transmit(bool to_sender, std::uint64_t block) {
        if (happens(badness_.lost))
            return;
        const auto delay = happens(badness_.reordered) ? 4ms : 1ms;
        packets_.push({now_ + delay, order_++, to_sender, block});
        if (happens(badness_.doubled))
            packets_.push({now_ + delay + 100us, order_++, to_sender, block});
    }
    void acknowledge() {
        receiver_.acknowledged = receiver_.done;
        transmit(true, receiver_.done);
    }
    void perform(const Step& step) {
        if (step.kind == Kind::send_data)
            for (std::uint64_t i = 0; i < step.count; ++i) {
                ++counted_.data;
                transmit(false, step.first + i);
            }
        else
            ended_ = step.kind != Kind::nothing;
    }

    const Badness badness_;
    std::mt19937 random_;
    Receiver receiver_;
    std::optional<Sender> sender_;
    std::priority_queue<Packet> packets_;
    TimePoint now_{1000s};
    std::uint64_t order_ = 0;
    Counted counted_;
    bool ended_ = false;
};

const Badness networks[] = {{0, 0, 0},   {1, 1, 1},  {5, 5, 5}, {20, 10, 10},
                            {0, 100, 0}, {0, 0, 20}, {20, 0, 0}};

TEST(SenderNetwork, EveryTransferEndsWithAllThatWasToArrive) {
    for (const auto& network : networks)
        for (const std::uint32_t window : {1U, 2U, 4U, 16U, 64U})
            for (unsigned seed = 1; seed <= 20; ++seed) {
                const auto counted = Simulation(300, window, network, seed).run();
                ASSERT_TRUE(counted.complete)
                    << "window " << window << ", " << network.lost << "% lost, seed " << seed;
            }
}

TEST(SenderNetwork, InLockStepAnAckIsAnsweredWithOnePacketAtMost) {
    for (const auto& network : networks)
        for (unsigned seed = 1; seed <= 50; ++seed) {
            const auto counted = Simulation(300, 1, network, seed).run();
            ASSERT_LE(counted.data, 1 + counted.acks_received + counted.timeouts);
            ASSERT_LE(counted.data, 300 + counted.timeouts) << "only a timeout repeats";
        }
}

TEST(SenderNetwork, NothingIsRepeatedThatNobodyMissed) {
    for (const std::uint32_t window : {1U, 4U, 64U}) {
        EXPECT_EQ(Simulation(300, window, {0, 0, 0}, 1).run().data, 300U);
        const auto doubled = Simulation(300, window, {0, 100, 0}, 1).run();
        // In a window, a client complains of the packets that come twice, once.
        EXPECT_LE(doubled.data, window == 1 ? 300U : 900U) << "window " << window;
    }
}

TEST(SenderNetwork, ALossCostsAWindowAndNotMore) {
    for (const auto& network : networks)
        for (const std::uint32_t window : {4U, 16U, 64U})
            for (unsigned seed = 1; seed <= 20; ++seed) {
                const auto counted = Simulation(1000, window, network, seed).run();
                ASSERT_LE(counted.data, 1000 + window * (2 * counted.disturbed + counted.timeouts))
                    << "window " << window << ", seed " << seed;
            }
}

} // namespace
} // namespace bootview::tftp
