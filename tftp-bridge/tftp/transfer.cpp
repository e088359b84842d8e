#include "tftp-bridge/tftp/transfer.h"

#include "tftp-bridge/tftp/file_name.h"
#include "tftp-bridge/tftp/log.h"

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

Transfer::Transfer(Descriptor socket, BlockSource source, TransferParameters parameters)
    : socket_(std::move(socket)), source_(std::move(source)), parameters_(std::move(parameters)),
      sender_(sender_parameters(source_, parameters_)), oack_(build_oack(parameters_.negotiated)) {
    size_send_buffer(socket_.get(), parameters_.negotiated);
}

void Transfer::start(SendBatch& batch, TimePoint now) {
    started_ = now;
    perform(sender_.start(now), 0, batch);
}

void Transfer::on_readable(SendBatch& batch, TimePoint now) {
    // An ACK has 4 bytes; of a client's ERROR we read as much as a log line shows.
    std::array<std::byte, 256> buffer;
    const auto length = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (length < 0) {
        if (errno != EAGAIN && errno != EINTR)
            on_socket_error(errno);
        return;
    }
    const auto datagram = Bytes(buffer).first(static_cast<std::size_t>(length));
    if (const auto block = parse_ack(datagram)) {
        unreachable_ = 0;
        // MSG_CONFIRM: this client is alive; do not ask for its hardware address again. The boot
        // ROM of a Raspberry Pi 3 does not answer ARP during a transfer.
        perform(sender_.acknowledge(*block, now), MSG_CONFIRM, batch);
    } else if (const auto error = parse_error(datagram)) {
        on_client_error(*error);
    }
}

void Transfer::on_writable(SendBatch& batch, TimePoint) {
    send_pending(0, batch);
}

void Transfer::on_deadline(SendBatch& batch, TimePoint now) {
    perform(sender_.expire(now), 0, batch);
}

bool Transfer::absorb_repeated_request(Bytes request, SendBatch& batch, TimePoint now) {
    if (!sender_.in_first_window() ||
        !std::equal(request.begin(), request.end(), parameters_.request.begin(),
                    parameters_.request.end()))
        return false;
    perform(sender_.repeat_first(now), 0, batch);
    return true;
}

void Transfer::abort(Refusal refusal, std::string_view reason) {
    const auto packet = build_error(refusal);
    send(socket_.get(), packet.data(), packet.size(), 0); // never repeated: RFC 1350 §7
    log::warning("{}: \"{}\": {}", parameters_.client.to_string(), parameters_.name, reason);
    ended_ = true;
}

void Transfer::abandon(std::string_view reason) {
    log::debug("{}: \"{}\": {}", parameters_.client.to_string(), parameters_.name, reason);
    ended_ = true;
}

void Transfer::perform(const Step& step, int flags, SendBatch& batch) {
    switch (step.kind) {
    case Step::Kind::nothing:
        return;
    case Step::Kind::send_oack:
        send_oack();
        return;
    case Step::Kind::send_data:
        pending_first_ = step.first;
        pending_count_ = step.count;
        send_pending(flags, batch);
        return;
    case Step::Kind::finished:
        finish("");
        return;
    case Step::Kind::unconfirmed:
        finish(", the last acknowledgement did not come");
        return;
    case Step::Kind::gave_up:
        abort({ErrorCode::undefined, "timeout"}, "the client has gone silent, gave up");
        return;
    }
}

void Transfer::send_oack() {
    if (send(socket_.get(), oack_.data(), oack_.size(), 0) < 0)
        on_socket_error(errno);
}

void Transfer::send_pending(int flags, SendBatch& batch) {
    while (pending_count_ > 0) {
        switch (
            batch.fill(source_, pending_first_, pending_count_, parameters_.negotiated.rollover)) {
        case BlockSource::Result::ok:
            break;
        case BlockSource::Result::changed:
            abort({ErrorCode::undefined, "file changed while being sent, ask again"},
                  "the file changed while it was being sent, ended the transfer");
            return;
        case BlockSource::Result::unreadable:
            abort({ErrorCode::undefined, "file cannot be read"},
                  fmt::format("reading the file failed ({}), ended the transfer",
                              std::strerror(errno)));
            return;
        }
        const int sent = batch.send(socket_.get(), flags);
        if (sent < 0) {
            if (errno == EAGAIN) // goes on when the socket has room again
                return;
            pending_count_ = 0; // as if lost on the way; the timeout repeats it
            on_socket_error(errno);
            return;
        }
        pending_first_ += static_cast<std::uint64_t>(sent);
        pending_count_ -= static_cast<std::uint32_t>(sent);
    }
}

void Transfer::on_client_error(const ErrorMessage& message) {
    const auto client = parameters_.client.to_string();
    const auto text = printable(message.text);
    // Most firmware asks for the size only, and says "aborted" when it has it; PXELINUX and GRUB
    // end early when they have read enough. Nothing has failed.
    const bool had_enough = message.code == 0 || message.code == 8;
    if (sender_.awaits_oack_ack() && had_enough)
        log::debug("{}: \"{}\": asked for the size only ({})", client, parameters_.name, text);
    else
        log::info("{}: \"{}\": the client ended the transfer: error {} {}", client,
                  parameters_.name, message.code, text);
    ended_ = true;
}

void Transfer::on_socket_error(int error) {
    switch (error) {
    case ECONNREFUSED: // ICMP "port unreachable": the client has closed its port
        if (sender_.all_sent())
            finish(", the client left before the last acknowledgement");
        else if (sender_.awaits_oack_ack())
            abandon("the client left without data");
        else {
            log::info("{}: \"{}\": the client left before the end", parameters_.client.to_string(),
                      parameters_.name);
            ended_ = true;
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
    log::warning("{}: \"{}\": cannot reach the client: {}", parameters_.client.to_string(),
                 parameters_.name, std::strerror(error));
    ended_ = true;
}

void Transfer::finish(std::string_view remark) {
    ended_ = true;
    if (!log::enabled(log::Level::info))
        return;
    const std::chrono::duration<double> seconds =
        std::max<Clock::duration>(sender_.last_progress() - started_, std::chrono::microseconds(1));
    const auto bytes = source_.length();
    log::info("{}: \"{}\": {} bytes in {:.3f} s, {:.1f} MB/s, {} retransmits{}",
              parameters_.client.to_string(), parameters_.name, bytes, seconds.count(),
              static_cast<double>(bytes) / 1e6 / seconds.count(), sender_.repeated_packets(),
              remark);
}

} // namespace bootview::tftp
