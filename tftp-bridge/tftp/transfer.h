// One file on its way to one client: its channel, its file and its Sender, brought together.
//
// When a part of the file has to be read first, the transfer waits, and is called back; the client
// is not taken for silent meanwhile.
#pragma once

#include "tftp-bridge/tftp/block_source.h"
#include "tftp-bridge/tftp/channel.h"
#include "tftp-bridge/tftp/endpoint.h"
#include "tftp-bridge/tftp/line_budget.h"
#include "tftp-bridge/tftp/log.h"
#include "tftp-bridge/tftp/options.h"
#include "tftp-bridge/tftp/send_batch.h"
#include "tftp-bridge/tftp/sender.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::tftp {

struct TransferParameters {
    Endpoint client;
    std::string name; // for the log
    Negotiated negotiated;
    Clock::duration timeout; // when the client asked for none
    unsigned retries;
    // Others than the client can send to its port: all the server has is one, or few. Then the
    // first window, and others by chance, are held back for a moment: whoever acknowledges what was
    // not sent yet is not there, but forges the client's address and would have all of the file
    // sent to it.
    bool guessable = false;
    LineBudget* lines = nullptr; // for all lines that a client brings about; null: no limit
};

enum class Outcome {
    running,
    finished,
    enough,
    client_left,
    gave_up,
    file_failed,
    stopped,
    forged, // acknowledged before it was sent
};

// Not thread-safe. After each call that takes the batch, ended() may have become true: then the
// client has been told what it is to be told, the outcome is in the log, and the transfer can be
// destroyed.
class Transfer {
public:
    Transfer(Channel channel, BlockSource source, TransferParameters parameters);

    void start(SendBatch& batch, TimePoint now);
    // Its own socket is. As long as the client answers at once, its next packet is waited for here
    // until `stay_until`: that saves a third of the system calls of lock-step.
    void on_readable(SendBatch& batch, TimePoint now, TimePoint stay_until);
    void on_datagram(Bytes datagram, SendBatch& batch, TimePoint now);
    void on_writable(SendBatch& batch, TimePoint now);
    void on_data(SendBatch& batch, TimePoint now); // what it waits for was read
    void on_deadline(SendBatch& batch, TimePoint now);

    // The client's request has come again. True: if it has had no answer, that was sent again.
    // False: it starts anew, and this transfer is over.
    bool repeat_first(SendBatch& batch, TimePoint now);

    // Ends the transfer and tells the client.
    void abort(Refusal refusal, std::string_view reason);
    // Ends it without a word: the client has moved on by itself.
    void abandon(std::string_view reason);

    bool ended() const { return outcome_ != Outcome::running; }
    Outcome outcome() const { return outcome_; }
    bool wants_to_write() const { return blocked_; }
    // The client has not been heard of for so long that something was repeated.
    bool silent() const { return sender_.tries() > 0; }
    // It has acknowledged something, and not what it could not know.
    bool heard() const { return (sender_.heard() || told_error_) && !held_; }
    // Nobody there waited for an answer.
    bool refused() const { return refused_; }
    TimePoint last_progress() const { return sender_.last_progress(); }
    TimePoint deadline() const {
        return std::min(sender_.deadline(), resumes_at_.value_or(TimePoint::max()));
    }
    const Channel& channel() const { return channel_; }
    const Endpoint& client() const { return parameters_.client; }
    std::uint64_t sent_bytes() const { return sent_bytes_; } // of DATA packets, repeated ones too
    std::uint64_t repeated_packets() const { return sender_.repeated_packets(); }
    const std::string& name() const { return parameters_.name; } // for people
    std::uint64_t length() const { return source_.length(); }    // of the file, in bytes
    std::chrono::duration<double> duration() const;              // until the last progress

private:
    void perform(const Step& step, int flags, SendBatch& batch, TimePoint now);
    void send_oack();
    void send_pending(int flags, SendBatch& batch, TimePoint now);
    bool wait_for_file(TimePoint now);
    void hold_back(TimePoint now);
    bool acknowledges_unsent(std::uint16_t block) const;
    template<typename... Args>
    void say(log::Level level, fmt::format_string<Args...> format, Args&&... args) const;
    void abort_for(ReadResult result);
    void on_client_error(const ErrorMessage& message);
    void on_socket_error(int error);
    void finish(std::string_view remark);

    Channel channel_;
    BlockSource source_;
    TransferParameters parameters_;
    Sender sender_;
    std::vector<std::byte> oack_;
    // What the last step asked to send and has not been sent yet: the socket has no room for it,
    // or it is being read.
    std::uint64_t pending_first_ = 0;
    std::uint32_t pending_count_ = 0;
    bool blocked_ = false;
    std::uint32_t sent_in_burst_ = 0;
    std::optional<TimePoint> resumes_at_; // between two bursts
    bool held_ = false;                   // what is pending is held back until then
    std::uint64_t sent_end_ = 0;          // the block after the last one ever sent
    std::uint64_t hold_after_ = 0;        // sent_bytes_ at which the next window is held back
    bool verified_ = false;               // the file was looked at once more, before its last block
    std::optional<TimePoint> waits_since_;
    TimePoint started_{};
    std::uint64_t sent_bytes_ = 0;
    int unreachable_ = 0;
    bool told_error_ = false;
    bool refused_ = false;
    Outcome outcome_ = Outcome::running;
};

} // namespace bootview::tftp
