// A whole transfer as the sender sees it: with a client that follows the rules over a network that
// does not, or with one that sends whatever it likes.
//
// Input: the transfer's parameters, then one byte for each thing that happens. An honest client has
// its whole file at the end: when the input is used up, the network loses nothing any more.
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/input.h"
#include "tftp-bridge/tftp/sender.h"

#include <algorithm>
#include <deque>
#include <optional>

using namespace bootview::fuzz;
using namespace bootview::tftp;
using namespace std::chrono_literals;

namespace {

constexpr unsigned most_events = 20'000; // far more than any transfer here needs

SenderParameters parameters_of(Input& input, std::uint64_t most_blocks) {
    SenderParameters p;
    const unsigned flags = input.u8();
    p.block_size = 8 + input.u16() % 1500;
    p.window_size = 1 + input.u16() % ((flags & 4) != 0 ? 65'535 : 40);
    p.length = most_blocks == 0 ? input.number(6) : input.u32() % (most_blocks * p.block_size);
    p.rollover = (flags & 1) != 0 ? Rollover::to_one : Rollover::to_zero;
    p.with_oack = (flags & 2) != 0;
    p.timeout = std::chrono::milliseconds{10 + input.u16() % 10'000};
    p.retries = input.u8() % 10;
    return p;
}

bool is_end(Step::Kind kind) {
    return kind == Step::Kind::finished || kind == Step::Kind::unconfirmed ||
           kind == Step::Kind::gave_up;
}

void check(const Step& step, const Sender& sender, const SenderParameters& p) {
    if (step.kind == Step::Kind::send_data)
        require(step.first >= 1 && step.count >= 1 && step.count <= p.window_size &&
                    step.first + step.count - 1 <= sender.last_block(),
                "a step sends blocks of the file, and no more than a window of them");
    else
        require(step.count == 0, "only data comes in blocks");
    if (step.kind == Step::Kind::send_oack)
        require(p.with_oack, "an OACK answers options");
    if (step.kind == Step::Kind::finished || step.kind == Step::Kind::unconfirmed)
        require(sender.all_sent(), "a transfer is over when everything was sent");
}

// Follows RFC 1350 and RFC 7440: takes blocks in order, acknowledges each window's last one, and
// says what it has when anything else comes.
class Receiver {
public:
    Receiver(const SenderParameters& p, std::uint64_t last) : p_(p), last_(last) {}

    // The block to acknowledge, if this one is to be answered.
    std::optional<std::uint64_t> take(std::uint64_t block) {
        if (block != want_) {
            if (said_)
                return std::nullopt;
            said_ = true; // once, until the next one comes in order
            since_ = 0;
            return want_ - 1;
        }
        said_ = false;
        ++want_;
        if (++since_ < p_.window_size && block != last_)
            return std::nullopt;
        since_ = 0;
        return block;
    }
    bool has_all() const { return want_ > last_; }

private:
    const SenderParameters& p_;
    std::uint64_t last_;
    std::uint64_t want_ = 1;
    std::uint32_t since_ = 0; // blocks since the last acknowledgement
    bool said_ = false;
};

void honest(Input& input) {
    const SenderParameters p = parameters_of(input, 300);
    Sender sender{p};
    TimePoint now{1h};
    Receiver receiver{p, sender.last_block()};
    std::deque<std::uint16_t> acks;
    unsigned lost = 0;
    const auto is_lost = [&] {
        const bool is = !input.empty() && input.u8() % 3 == 0;
        lost += is ? 1 : 0;
        return is;
    };

    Step step = sender.start(now);
    for (unsigned events = 0; !is_end(step.kind); ++events) {
        require(events < most_events, "a transfer ends");
        check(step, sender, p);
        const auto answer = [&](std::uint64_t block) {
            if (!is_lost())
                acks.push_back(to_wire(block, p.rollover));
        };
        if (step.kind == Step::Kind::send_oack && !is_lost())
            answer(0);
        for (std::uint64_t i = 0; step.kind == Step::Kind::send_data && i < step.count; ++i)
            if (!is_lost())
                if (const auto block = receiver.take(step.first + i))
                    answer(*block);
        now += 1ms;
        if (!acks.empty()) {
            const std::uint16_t ack = acks.front();
            acks.pop_front();
            step = sender.acknowledge(ack, now);
            continue;
        }
        now = std::max(now, sender.deadline()); // nothing comes any more
        step = sender.expire(now);
    }
    require(step.kind != Step::Kind::finished || receiver.has_all(),
            "a transfer has finished when the client has all of it");
    // Giving up is right while packets are lost, and not when none was.
    require(step.kind == Step::Kind::finished || lost > 0, "a transfer without a loss finishes");
}

void hostile(Input& input) {
    const SenderParameters p = parameters_of(input, 0);
    Sender sender{p};
    TimePoint now{1h};
    Step step = sender.start(now);
    while (!input.empty() && !is_end(step.kind)) {
        check(step, sender, p);
        switch (input.u8() % 6) {
        case 0:
            now += std::chrono::microseconds{input.u16()};
            step = sender.expire(now);
            break;
        case 1:
            now = std::max(now, sender.deadline());
            step = sender.expire(now);
            break;
        case 2:
            step = sender.repeat_first(now);
            break;
        case 3: // the last block that was sent, so that the transfer goes on
            if (step.kind == Step::Kind::send_data)
                step = sender.acknowledge(to_wire(step.first + step.count - 1, p.rollover), now);
            break;
        default:
            step = sender.acknowledge(input.u16(), now);
        }
    }
    // When the client falls silent, it is over after a bounded number of tries. Before them, a doubt
    // from when it was not silent yet may send the window once more.
    for (unsigned tries = 0; !is_end(step.kind); ++tries) {
        require(tries <= p.retries + 1, "a silent client is given up");
        check(step, sender, p);
        require(sender.deadline() > now, "there is something to wait for");
        now = sender.deadline();
        step = sender.expire(now);
    }
    check(step, sender, p);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input{data, size};
    if (input.u8() % 2 == 0)
        honest(input);
    else
        hostile(input);
    return 0;
}
