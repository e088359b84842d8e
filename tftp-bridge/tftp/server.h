// The TFTP server: read-only (RFC 1350, with the options of RFC 2347, 2348, 2349 and 7440), over
// the ordinary files of one directory.
//
// It is made for booting: clients are firmware, many and careless, and the files usually come from
// a FUSE mount whose content changes while it is served. So a client gets one version of a file or
// an error, never a mixture (block_source.h), it gets to no file outside the root (file_root.h),
// and a mount that is restarted is found again without a restart of the server.
//
// One thread, one epoll loop. Listening sockets take requests; each transfer then has a connected
// socket of its own, bound to the address that was asked. What to send when is decided by pure
// code, which can be read and tested alone:
//     packet.h       bytes to values and back        sender.h        acknowledgements to steps
//     options.h      what the options come to        block_number.h  64 bits to 16 and back
//     file_name.h    the names firmware asks for     timer_queue.h   when to wake up
// and carried out by: udp_socket.h, file_root.h, block_source.h (file to blocks), send_batch.h
// (blocks to packets, many per system call) and transfer.h, which brings those together.
//
// Everything is bounded: transfers by max_transfers; beyond, requests are dropped, which a client
// takes for a lost packet and asks again. A transfer holds two descriptors and well below 1 KiB;
// sending allocates nothing. Network input throws no exceptions; the constructor does (StartError).
#pragma once

#include "tftp-bridge/tftp/endpoint.h"
#include "tftp-bridge/tftp/file_root.h"
#include "tftp-bridge/tftp/send_batch.h"
#include "tftp-bridge/tftp/timer_queue.h"
#include "tftp-bridge/tftp/transfer.h"
#include "tftp-bridge/tftp/udp_socket.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bootview::tftp {

struct ServerSettings {
    std::string root;
    std::vector<ListenAddress> listen = {ListenAddress{}};
    std::uint32_t max_block_size =
        0; // bytes; 0: what fits into one packet on the way to the client
    std::uint32_t max_window_size = 64;
    std::uint32_t max_transfers = 1000;
    std::chrono::milliseconds timeout{1000}; // for clients that ask for none
    unsigned retries = 6;
};

// Not thread-safe. Blocks SIGTERM, SIGINT and SIGHUP for the calling thread and takes them from a
// signalfd.
class Server {
public:
    explicit Server(ServerSettings settings);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Serves until SIGTERM or SIGINT; ends the running transfers in order then.
    void run();

private:
    // Who talks to which address of ours; RFC 1350 §4 knows a transfer by its two ports.
    struct Conversation {
        Endpoint client;
        Endpoint local;
        bool operator==(const Conversation&) const = default;
    };
    struct ConversationHash {
        std::size_t operator()(const Conversation& c) const { return EndpointHash{}(c.client); }
    };
    struct Running {
        Transfer transfer;
        Conversation conversation;
        TimePoint timer = TimePoint::max(); // the entry of the timer queue that counts
        bool armed_for_writing = false;
    };

    void watch(int fd, std::uint64_t id, std::uint32_t events, bool already_watched);
    void on_signal();
    void on_listener(Listener& listener, TimePoint now);
    void on_transfer(std::uint64_t id, std::uint32_t events, TimePoint now);
    void on_timers(TimePoint now);
    void on_request(const ReceivedRequest& received, TimePoint now);
    void begin(const ReceivedRequest& received, const Request& request, TimePoint now);
    void refuse(const ReceivedRequest& received, Refusal refusal, std::string_view name);
    void busy(std::string_view why, TimePoint now);
    void settle(std::uint64_t id, Running& running);

    const ServerSettings settings_;
    FileRoot root_;
    std::vector<Listener> listeners_;
    Descriptor signals_;
    Descriptor epoll_;
    SendBatch batch_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Running>> transfers_; // by identifier
    std::unordered_map<Conversation, std::uint64_t, ConversationHash> conversations_;
    TimerQueue timers_;
    std::array<std::byte, max_request_bytes + 1> request_buffer_;
    std::uint64_t next_id_;
    TimePoint last_busy_line_ = TimePoint::min();
    std::uint64_t dropped_ = 0; // requests since the last such line
    bool stopping_ = false;
};

} // namespace bootview::tftp
