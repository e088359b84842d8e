// One file on its way to one client: its socket, its file and its Sender, brought together.
#pragma once

#include "common/descriptor.h"
#include "tftp-bridge/tftp/block_source.h"
#include "tftp-bridge/tftp/endpoint.h"
#include "tftp-bridge/tftp/options.h"
#include "tftp-bridge/tftp/send_batch.h"
#include "tftp-bridge/tftp/sender.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::tftp {

struct TransferParameters {
    Endpoint client;
    std::string name;               // for the log
    std::vector<std::byte> request; // as it came, to know it again
    Negotiated negotiated;
    Clock::duration timeout; // when the client asked for none
    unsigned retries;
};

// Not thread-safe. After each call that takes the batch, ended() may have become true: then the
// client has been told what it is to be told, the outcome is in the log, and the transfer can be
// destroyed.
class Transfer {
public:
    Transfer(Descriptor socket, BlockSource source, TransferParameters parameters);

    void start(SendBatch& batch, TimePoint now);
    void on_readable(SendBatch& batch, TimePoint now);
    void on_writable(SendBatch& batch, TimePoint now);
    void on_deadline(SendBatch& batch, TimePoint now);

    // True if `request` is this transfer's own, sent again by a client that had no data yet; then
    // the first packet is sent again. False: it is a new request, which replaces this transfer.
    bool absorb_repeated_request(Bytes request, SendBatch& batch, TimePoint now);

    // Ends the transfer and tells the client.
    void abort(Refusal refusal, std::string_view reason);
    // Ends it without a word: the client has moved on by itself.
    void abandon(std::string_view reason);

    bool ended() const { return ended_; }
    bool wants_to_write() const { return pending_count_ > 0; }
    TimePoint deadline() const { return sender_.deadline(); }
    int fd() const { return socket_.get(); }
    const Endpoint& client() const { return parameters_.client; }

private:
    void perform(const Step& step, int flags, SendBatch& batch);
    void send_oack();
    void send_pending(int flags, SendBatch& batch);
    void on_client_error(const ErrorMessage& message);
    void on_socket_error(int error);
    void finish(std::string_view remark);

    Descriptor socket_;
    BlockSource source_;
    TransferParameters parameters_;
    Sender sender_;
    std::vector<std::byte> oack_;
    // What the last step asked to send and the socket had no room for.
    std::uint64_t pending_first_ = 0;
    std::uint32_t pending_count_ = 0;
    TimePoint started_{};
    int unreachable_ = 0;
    bool ended_ = false;
};

} // namespace bootview::tftp
