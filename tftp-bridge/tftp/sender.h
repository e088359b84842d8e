// The sender's side of one transfer: which packets to send when. Pure: acknowledgements and the
// time go in, a step to take comes out; reading, sending and waiting are the caller's.
//
// It is RFC 1350 with the windows of RFC 7440; lock-step is the window of one block (RFC 7440 §4).
// `base` is the first block not acknowledged, `next` the first not yet sent; a window is sent whole
// and then acknowledged by its last block. What makes the rules:
//   * An acknowledgement inside the window is the receiver's report of a gap: the window starts
//     again right behind it, at once (RFC 7440 §4).
//   * A repeated acknowledgement of base-1 is ignored in lock-step, or every delay would double the
//     traffic from then on (Sorcerer's Apprentice, RFC 1123 §4.2.3.1). In a larger window it says
//     that the window's first block was lost; U-Boot says so only once, and then waits for seconds.
//     Or it says nothing: the network has doubled a packet. To answer that with the window once
//     more would bring the next complaint, of packets that come twice, and so on for the rest of
//     the file. So the window starts again only if nothing else comes for a few round trips.
//   * As well after a restart: a report from within the window may be of a packet that came twice.
//     We go on first, and back if nothing comes of that.
//   * Nothing is repeated by timeout before the first second has passed, unless the client asked
//   so:
//     Raspberry Pi 4 firmware miscounts after a repeated DATA and hangs. Then the wait doubles
//     (RFC 1123 §4.2.3.2).
//   * After a loss the window goes out in bursts with a round trip between them, each half as large
//   as
//     the last time, and whole again after eight windows without a loss (RFC 7440 §5). It cannot be
//     made smaller: the receiver acknowledges its end.
//   * Whoever has acknowledged nothing may never have asked: the address in a request can be
//   forged.
//     Such a peer gets the first packet, twice more if it is an OACK, once more if it is a block of
//     data; and again when the request comes again, as a client that waits for an answer sees to.
//   * The last acknowledgement may be lost, and some clients never send it: not an error.
#pragma once

#include "tftp-bridge/tftp/block_number.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace bootview::tftp {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

struct SenderParameters {
    std::uint64_t length = 0; // bytes that will go over the wire
    std::uint32_t block_size = 512;
    std::uint32_t window_size = 1;
    Rollover rollover = Rollover::to_zero;
    bool with_oack = false;
    Clock::duration timeout =
        std::chrono::seconds(1); // the first one; doubles up to longest_timeout
    unsigned retries = 6;
};

// What to do now.
struct Step {
    enum class Kind {
        nothing,
        send_oack,
        send_data,   // the blocks first … first + count - 1
        finished,    // everything is acknowledged
        unconfirmed, // everything but the last block is, and the client has gone silent
        gave_up,     // the client has gone silent before
    };
    Kind kind = Kind::nothing;
    std::uint64_t first = 0;
    std::uint32_t count = 0;
    bool operator==(const Step&) const = default;
};

class Sender {
public:
    static constexpr Clock::duration longest_timeout = std::chrono::seconds(8);
    // How often the first packet goes out by our own timeout and in all before anything was
    // acknowledged. An OACK is about as long as the request; a block is ten times as long.
    static constexpr unsigned max_unheard_oacks = 3;
    static constexpr unsigned max_unheard_blocks = 2;
    // Requests that come again are answered at once so often, and then once in this time.
    static constexpr unsigned max_prompt_repeats = 4;
    static constexpr Clock::duration min_time_between_repeats = std::chrono::milliseconds(500);

    explicit Sender(const SenderParameters& parameters);

    Step start(TimePoint now);
    Step acknowledge(std::uint16_t wire_block, TimePoint now);
    // To be called when deadline() has passed; before, it does nothing.
    Step expire(TimePoint now);
    // The client has sent its request again: its answer was lost, or the two crossed.
    Step repeat_first(TimePoint now);

    // How many blocks may go out without a pause, and how long that is.
    std::uint32_t burst() const { return burst_; }
    Clock::duration pause() const;

    // It is not the client that keeps us waiting: starts every wait for it anew.
    void postpone(TimePoint now);

    TimePoint deadline() const { return std::min(silent_at_, restart_at_); }
    unsigned tries() const { return tries_; } // timeouts since the last progress
    bool awaits_oack_ack() const { return in_oack_; }
    // The client has acknowledged something.
    bool heard() const { return heard_; }
    // True until the client has said anything at all.
    bool awaits_first_ack() const {
        return in_oack_ || (!parameters_.with_oack && in_first_window());
    }
    // True until the client has acknowledged a block of data.
    bool in_first_window() const { return base_ == 1; }
    bool all_sent() const { return !in_oack_ && next_ > last_block_; }
    std::uint64_t last_block() const { return last_block_; }
    std::uint64_t repeated_packets() const { return repeated_; }
    TimePoint last_progress() const { return last_progress_; }
    Clock::duration round_trip() const { return round_trip_; } // the last one; zero: not known

private:
    Step send_window();
    Step rewind(TimePoint now);
    bool may_send_unheard();
    void slow_down();
    void came_through();
    void doubt(TimePoint now);
    Clock::duration few_round_trips() const;
    void progressed(TimePoint now);

    const SenderParameters parameters_;
    const std::uint64_t last_block_;
    std::uint64_t base_ = 1;
    std::uint64_t next_ = 1;
    std::uint64_t never_sent_ = 1; // the first block that has not been sent even once
    bool in_oack_ = false;
    bool heard_ = false;
    unsigned unheard_sends_ = 0; // of the first packet, before anything was acknowledged
    unsigned repeats_asked_ = 0; // of the first packet, by the client
    TimePoint last_repeat_{};
    bool heed_repeated_ack_ = true; // a repeated ACK of base-1 has not been answered yet
    unsigned tries_ = 0;
    std::uint64_t repeated_ = 0;
    Clock::duration timeout_;
    TimePoint silent_at_ = TimePoint::max();  // no sign of life until then is a timeout
    TimePoint restart_at_ = TimePoint::max(); // no progress until then, and there was a gap
    TimePoint last_rewind_{};
    std::uint32_t burst_;
    unsigned windows_without_loss_ = 0; // since burst_ was made smaller
    bool restarted_ = false;            // since the last window that was acknowledged as a whole
    TimePoint window_sent_{};
    Clock::duration round_trip_{}; // the last one that nothing disturbed
    TimePoint last_progress_{};
};

} // namespace bootview::tftp
