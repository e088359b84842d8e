#include "tftp-bridge/tftp/transfer.h"

#include "tftp-bridge/tftp/file_name.h"
#include "tftp-bridge/tftp/log.h"
#include "tftp-bridge/tftp/random_number.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace bootview::tftp {
namespace {

// A router may say once or twice that it does not know the way to a machine that is just coming up.
constexpr int most_unreachable = 3;

// A client that answers faster than this is waited for where its last packet was read.
constexpr auto prompt_answer = std::chrono::microseconds(100);

// What a window is held back for where ports can be guessed, and how many bytes come between two of
// them, on average. A client notices little; whoever acknowledges blindly must be slower than that.
constexpr std::uint32_t shortest_hold_ms = 5;
constexpr std::uint32_t longest_hold_ms = 50;
constexpr std::uint32_t bytes_between_holds = 1U << 20;

// A file system that takes longer than this for one read has broken down; most clients have, too.
constexpr auto longest_read = std::chrono::seconds(60);

SenderParameters sender_parameters(const BlockSource& source,
                                   const TransferParameters& parameters) {
    SenderParameters result;
    result.length = source.length();
    result.block_size = parameters.negotiated.block_size;
    result.window_size = parameters.negotiated.window_size;
    result.rollover = parameters.negotiated.rollover;
    result.with_oack = !parameters.negotiated.accepted.empty();
    result.timeout = parameters.negotiated.timeout ? Clock::duration(*parameters.negotiated.timeout)
                                                   : parameters.timeout;
    result.retries = parameters.retries;
    return result;
}

// Room for several windows, so that sending one seldom has to wait.
void size_send_buffer(int socket, const Negotiated& negotiated) {
    constexpr std::uint64_t usual = 212'992; // net.core.wmem_default
    constexpr std::uint64_t most = 4U << 20;
    const auto wanted = std::uint64_t{negotiated.window_size} * negotiated.block_size * 4;
    if (wanted <= usual)
        return;
    const int value = static_cast<int>(std::min(wanted, most));
    setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &value, sizeof value);
}

} // namespace

template<typename... Args>
void Transfer::say(log::Level level, fmt::format_string<Args...> format, Args&&... args) const {
    if (!log::enabled(level) ||
        (parameters_.lines && !parameters_.lines->allows(parameters_.client, Clock::now())))
        return;
    log::write(level,
               fmt::format("{}: \"{}\": {}", parameters_.client.to_string(), parameters_.name,
                           fmt::format(format, std::forward<Args>(args)...)));
}

Transfer::Transfer(Channel channel, BlockSource source, TransferParameters parameters)
    : channel_(std::move(channel)), source_(std::move(source)), parameters_(std::move(parameters)),
      sender_(sender_parameters(source_, parameters_)), oack_(build_oack(parameters_.negotiated)) {
    if (channel_.is_own())
        size_send_buffer(channel_.fd(), parameters_.negotiated);
}

void Transfer::start(SendBatch& batch, TimePoint now) {
    started_ = now;
    perform(sender_.start(now), 0, batch, now);
}

void Transfer::on_readable(SendBatch& batch, TimePoint now, TimePoint stay_until) {
    // An ACK has 4 bytes; of a client's ERROR we read as much as a log line shows.
    std::array<std::byte, 256> buffer;
    for (int flags = MSG_DONTWAIT;; flags = 0) {
        const auto length = recv(channel_.fd(), buffer.data(), buffer.size(), flags);
        if (length < 0) {
            if (errno != EAGAIN && errno != EINTR)
                on_socket_error(errno);
            return;
        }
        if (flags == 0)
            now = Clock::now();
        on_datagram(Bytes(buffer).first(static_cast<std::size_t>(length)), batch, now);
        const bool prompt =
            sender_.round_trip() > Clock::duration{} && sender_.round_trip() < prompt_answer;
        if (!prompt || now >= stay_until || ended() || blocked_ || waits_since_)
            return;
    }
}

void Transfer::on_datagram(Bytes datagram, SendBatch& batch, TimePoint now) {
    if (const auto block = parse_ack(datagram)) {
        if (held_ && acknowledges_unsent(*block)) {
            say(log::Level::warning,
                "acknowledged what was not sent yet: the address is forged, ended the transfer");
            outcome_ = Outcome::forged;
            return;
        }
        unreachable_ = 0;
        // MSG_CONFIRM: this client is alive; do not ask for its hardware address again. The boot
        // ROM of a Raspberry Pi 3 does not answer ARP during a transfer.
        perform(sender_.acknowledge(*block, now), MSG_CONFIRM, batch, now);
    } else if (const auto error = parse_error(datagram)) {
        told_error_ = !parameters_.guessable;
        on_client_error(*error);
    }
}

void Transfer::on_writable(SendBatch& batch, TimePoint now) {
    send_pending(0, batch, now);
}

void Transfer::on_data(SendBatch& batch, TimePoint now) {
    if (waits_since_)
        sender_.postpone(now); // what it waits for comes only now
    waits_since_.reset();
    send_pending(0, batch, now);
}

void Transfer::on_deadline(SendBatch& batch, TimePoint now) {
    if (resumes_at_ && now >= *resumes_at_) {
        sender_.postpone(now); // the client has not had all of the window yet
        send_pending(0, batch, now);
        return;
    }
    if (!waits_since_) {
        perform(sender_.expire(now), 0, batch, now);
        return;
    }
    if (now - *waits_since_ < longest_read)
        sender_.postpone(now);
    else
        abort_for(ReadResult::unreadable);
}

bool Transfer::repeat_first(SendBatch& batch, TimePoint now) {
    if (sender_.awaits_first_ack()) {
        perform(sender_.repeat_first(now), 0, batch, now);
        return true;
    }
    // The client has had its answer. If it is being heard of, the network has brought its request
    // twice, or late; if it is not, it has started anew, from the same port.
    return now - sender_.last_progress() < parameters_.timeout;
}

void Transfer::abort(Refusal refusal, std::string_view reason) {
    channel_.send(build_error(refusal), 0); // never repeated: RFC 1350 §7
    say(log::Level::warning, "{}", reason);
    outcome_ = Outcome::stopped;
}

void Transfer::abandon(std::string_view reason) {
    log::debug("{}: \"{}\": {}", parameters_.client.to_string(), parameters_.name, reason);
    outcome_ = Outcome::stopped;
}

void Transfer::perform(const Step& step, int flags, SendBatch& batch, TimePoint now) {
    switch (step.kind) {
    case Step::Kind::nothing:
        return;
    case Step::Kind::send_oack:
        send_oack();
        return;
    case Step::Kind::send_data:
        pending_first_ = step.first;
        pending_count_ = step.count;
        sent_in_burst_ = 0;
        resumes_at_.reset();
        hold_back(now);
        send_pending(flags, batch, now);
        return;
    case Step::Kind::finished:
        finish("");
        return;
    case Step::Kind::unconfirmed:
        finish(", the last acknowledgement did not come");
        return;
    case Step::Kind::gave_up:
        if (sender_.heard()) // to others nothing more is sent
            channel_.send(build_error({ErrorCode::undefined, "timeout"}), 0);
        say(log::Level::warning, "the client has gone silent, gave up");
        outcome_ = Outcome::gave_up;
        return;
    }
}

void Transfer::send_oack() {
    if (!channel_.send(oack_, 0))
        on_socket_error(errno);
}

void Transfer::send_pending(int flags, SendBatch& batch, TimePoint now) {
    blocked_ = false;
    if (resumes_at_ && now < *resumes_at_)
        return;
    resumes_at_.reset();
    held_ = false;
    while (pending_count_ > 0) {
        if (wait_for_file(now))
            return;
        const auto count = std::min(pending_count_, sender_.burst() - sent_in_burst_);
        source_.fill(batch, pending_first_, count, parameters_.negotiated.rollover);
        if (batch.packets() == 0) {
            if (source_.state() != ReadResult::ok)
                return abort_for(source_.state());
            waits_since_ = waits_since_.value_or(now);
            return;
        }
        const int sent = batch.send(channel_, flags);
        if (sent < 0) {
            if (errno == EAGAIN) { // goes on when the socket has room again
                blocked_ = true;
                return;
            }
            pending_count_ = 0; // as if lost on the way; the timeout repeats it
            on_socket_error(errno);
            return;
        }
        const auto from = source_.start_of(pending_first_);
        pending_first_ += static_cast<std::uint64_t>(sent);
        pending_count_ -= static_cast<std::uint32_t>(sent);
        sent_end_ = std::max(sent_end_, pending_first_);
        sent_bytes_ += source_.start_of(pending_first_) - from;
        sent_in_burst_ += static_cast<std::uint32_t>(sent);
        if (sent_in_burst_ >= sender_.burst()) {
            sent_in_burst_ = 0;
            if (pending_count_ > 0) {
                resumes_at_ = now + sender_.pause();
                return;
            }
        }
    }
}

// Once the client has acknowledged something, what comes next; and from then on by chance.
void Transfer::hold_back(TimePoint now) {
    if (!parameters_.guessable || !sender_.heard() || sent_bytes_ < hold_after_)
        return;
    hold_after_ = sent_bytes_ + 1 + random_below(2 * bytes_between_holds);
    held_ = true;
    resumes_at_ =
        now + std::chrono::milliseconds(shortest_hold_ms +
                                        random_below(longest_hold_ms - shortest_hold_ms + 1));
}

bool Transfer::acknowledges_unsent(std::uint16_t block) const {
    const auto found = from_wire(block, pending_first_, parameters_.negotiated.rollover);
    return found && *found >= sent_end_ && *found < pending_first_ + pending_count_;
}

// True if nothing can be sent now: the file has failed, or it is being asked whether it is still
// the one that it was. That is asked before the last block, unless the file was opened just now.
bool Transfer::wait_for_file(TimePoint now) {
    const bool holds_last = pending_first_ + pending_count_ > sender_.last_block();
    if (holds_last && !verified_ && !sender_.in_first_window()) {
        verified_ = true;
        if (!source_.verify()) {
            waits_since_ = waits_since_.value_or(now);
            return true;
        }
    }
    if (source_.state() == ReadResult::ok)
        return false;
    abort_for(source_.state());
    return true;
}

void Transfer::abort_for(ReadResult result) {
    if (result == ReadResult::changed)
        abort({ErrorCode::undefined, "file changed while being sent, ask again"},
              "the file changed while it was being sent, ended the transfer");
    else
        abort({ErrorCode::undefined, "file cannot be read"},
              "reading the file failed, ended the transfer");
    outcome_ = Outcome::file_failed;
}

void Transfer::on_client_error(const ErrorMessage& message) {
    const auto text = printable(message.text);
    // Most firmware asks for the size only, and says "aborted" when it has it; PXELINUX and GRUB
    // end early when they have read enough. Nothing has failed.
    const bool had_enough = message.code == 0 || message.code == 8;
    if (sender_.awaits_oack_ack() && had_enough)
        log::debug("{}: \"{}\": asked for the size only ({})", parameters_.client.to_string(),
                   parameters_.name, text);
    else
        say(log::Level::info, "the client ended the transfer: error {} {}", message.code, text);
    outcome_ = had_enough ? Outcome::enough : Outcome::client_left;
}

void Transfer::on_socket_error(int error) {
    switch (error) {
    case ECONNREFUSED: // ICMP "port unreachable": the client has closed its port
        refused_ = !heard();
        if (sender_.all_sent())
            finish(", the client left before the last acknowledgement");
        else if (sender_.awaits_oack_ack())
            abandon("the client left without data");
        else {
            say(log::Level::info, "the client left before the end");
            outcome_ = Outcome::client_left;
        }
        return;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
        if (++unreachable_ < most_unreachable)
            return;
        break;
    case EAGAIN: // as good as lost on the way
    case EINTR:
    case ENOBUFS:
    case EMSGSIZE: // the path's MTU has just become smaller
        return;
    default:
        break;
    }
    say(log::Level::warning, "cannot reach the client: {}", std::strerror(error));
    outcome_ = Outcome::client_left;
}

std::chrono::duration<double> Transfer::duration() const {
    return std::max<Clock::duration>(sender_.last_progress() - started_,
                                     std::chrono::microseconds(1));
}

void Transfer::finish(std::string_view remark) {
    outcome_ = Outcome::finished;
    const auto seconds = duration();
    const auto bytes = length();
    say(log::Level::info, "{} bytes in {:.3f} s, {:.1f} MB/s, {} retransmits{}", bytes,
        seconds.count(), static_cast<double>(bytes) / 1e6 / seconds.count(),
        sender_.repeated_packets(), remark);
}

} // namespace bootview::tftp
