#include "tftp-bridge/tftp/sender.h"

#include <algorithm>

namespace bootview::tftp {
namespace {

// Bounds of what is taken for a few round trips.
constexpr Clock::duration shortest_doubt = std::chrono::milliseconds(5);
constexpr Clock::duration longest_doubt = std::chrono::milliseconds(250);

// A window is not cut into smaller bursts, and they are not held back for longer.
constexpr std::uint32_t smallest_burst = 4;
constexpr Clock::duration shortest_pause = std::chrono::milliseconds(1);
constexpr Clock::duration longest_pause = std::chrono::milliseconds(50);
constexpr unsigned windows_of_trust = 8;

} // namespace

// A transfer ends with the first DATA that is not full (RFC 1350 §6), so there is always one more
// block than there are full ones, if need be an empty one.
Sender::Sender(const SenderParameters& parameters)
    : parameters_(parameters), last_block_(parameters.length / parameters.block_size + 1),
      timeout_(parameters.timeout), burst_(parameters.window_size) {}

Step Sender::start(TimePoint now) {
    progressed(now);
    unheard_sends_ = 1;
    if (!parameters_.with_oack)
        return send_window();
    in_oack_ = true;
    return {Step::Kind::send_oack};
}

Step Sender::acknowledge(std::uint16_t wire_block, TimePoint now) {
    const auto block = from_wire(wire_block, base_ - 1, parameters_.rollover);
    // Never sent, or long past. Before DATA 1 is out, only the OACK can be acknowledged, as block
    // 0.
    if (!block || *block >= next_)
        return {};

    // Whatever it says: it knows the port.
    heard_ = true;
    if (in_oack_) {
        in_oack_ = false;
        // An OACK that went out twice is acknowledged twice, which is not a report of a loss.
        heed_repeated_ack_ = repeated_ == 0;
        last_rewind_ = now;
        round_trip_ = now - last_progress_;
        progressed(now);
        window_sent_ = now;
        return send_window();
    }
    if (*block < base_) {
        if (parameters_.window_size == 1)
            return {};
        if (heed_repeated_ack_ || now - last_rewind_ >= few_round_trips())
            doubt(now);
        return {};
    }

    const bool reports_gap = *block + 1 != next_;
    base_ = *block + 1;
    progressed(now);
    if (base_ > last_block_)
        return {Step::Kind::finished};
    if (reports_gap && restarted_ && now - last_rewind_ < few_round_trips()) {
        doubt(now);
        return send_window();
    }
    if (reports_gap) {
        slow_down();
        return rewind(now);
    }
    came_through();
    heed_repeated_ack_ = true;
    if (!restarted_)
        round_trip_ = now - window_sent_;
    restarted_ = false;
    window_sent_ = now;
    return send_window();
}

Step Sender::expire(TimePoint now) {
    if (now < deadline())
        return {};
    // The time of silence goes on: a client that only ever complains does not keep a transfer
    // alive.
    if (now < silent_at_)
        return rewind(now);
    if (++tries_ > parameters_.retries) {
        const bool only_last_open = base_ == last_block_ && all_sent();
        return {only_last_open ? Step::Kind::unconfirmed : Step::Kind::gave_up};
    }
    timeout_ = std::max(std::min(timeout_ * 2, longest_timeout), parameters_.timeout);
    silent_at_ = now + timeout_;
    if (!may_send_unheard())
        return {};
    if (in_oack_) {
        ++repeated_;
        return {Step::Kind::send_oack};
    }
    slow_down();
    return rewind(now);
}

void Sender::postpone(TimePoint now) {
    silent_at_ = now + timeout_;
    if (restart_at_ != TimePoint::max())
        restart_at_ = now + few_round_trips();
}

bool Sender::may_send_unheard() {
    if (heard_)
        return true;
    return unheard_sends_++ < (in_oack_ ? max_unheard_oacks : max_unheard_blocks);
}

Step Sender::repeat_first(TimePoint now) {
    if (++repeats_asked_ > max_prompt_repeats && now - last_repeat_ < min_time_between_repeats)
        return {};
    last_repeat_ = now;
    if (parameters_.with_oack) {
        // If the first window is out already, the client will acknowledge the OACK once more.
        heed_repeated_ack_ = false;
        last_rewind_ = now;
        ++repeated_;
        return {Step::Kind::send_oack};
    }
    return rewind(now);
}

Step Sender::send_window() {
    const auto end = std::min(base_ + parameters_.window_size, last_block_ + 1);
    if (next_ == end) // all of the window is on its way
        return {};
    const Step step{Step::Kind::send_data, next_, static_cast<std::uint32_t>(end - next_)};
    repeated_ += std::min(end, never_sent_) - std::min(next_, never_sent_);
    next_ = end;
    never_sent_ = std::max(never_sent_, next_);
    return step;
}

Step Sender::rewind(TimePoint now) {
    next_ = base_;
    heed_repeated_ack_ = false;
    last_rewind_ = now;
    restarted_ = true;
    restart_at_ = TimePoint::max();
    return send_window();
}

void Sender::slow_down() {
    burst_ = std::max(burst_ / 2, std::min(smallest_burst, parameters_.window_size));
    windows_without_loss_ = 0;
}

void Sender::came_through() {
    if (burst_ < parameters_.window_size && ++windows_without_loss_ == windows_of_trust)
        burst_ = parameters_.window_size;
}

Clock::duration Sender::pause() const {
    return std::clamp(round_trip_, shortest_pause, longest_pause);
}

void Sender::doubt(TimePoint now) {
    restart_at_ = std::min(restart_at_, now + few_round_trips());
}

Clock::duration Sender::few_round_trips() const {
    return std::clamp(round_trip_ * 4, shortest_doubt, longest_doubt);
}

void Sender::progressed(TimePoint now) {
    tries_ = 0;
    restart_at_ = TimePoint::max();
    timeout_ = parameters_.timeout;
    silent_at_ = now + timeout_;
    last_progress_ = now;
}

} // namespace bootview::tftp
