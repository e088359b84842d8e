// The TFTP server: read-only (RFC 1350, with the options of RFC 2347, 2348, 2349 and 7440), over
// the ordinary files of one directory.
//
// It is made for booting: clients are firmware, many and careless, and the files usually come from
// a FUSE mount whose content changes while it is served. So a client gets one version of a file or
// an error, never a mixture (block_source.h), it gets to no file outside the root (file_root.h),
// and a mount that is restarted is found again without a restart of the server.
//
// One thread, one epoll loop, in which nothing waits; but for the next packet of a client that is
// alone and answers at once, a fraction of a millisecond. Listening sockets take requests; each
// transfer then has a connected socket of its own, bound to the address that was asked. What to
// send when is decided by pure code, which can be read and tested alone:
//     packet.h       bytes to values and back        sender.h        acknowledgements to steps
//     options.h      what the options come to        block_number.h  64 bits to 16 and back
//     file_name.h    the names firmware asks for     timer_queue.h   when to wake up
//     netascii.h     text as it travels              admission.h     who may start a transfer
// and carried out by: udp_socket.h, channel.h (where packets go), file_root.h (names to files),
// file_content.h (files to chunks), file_cache.h (chunks shared by transfers, read by the threads
// of worker_pool.h), block_source.h (chunks to blocks), send_batch.h (blocks to packets, many per
// system call) and transfer.h, which brings those together.
//
// The address of a request may be forged, and then everything it brings goes to somebody who has
// asked for nothing: little is sent to whoever has acknowledged nothing (sender.h, admission.h),
// and a port that can be guessed is no proof (transfer.h, `guessable`).
//
// Everything is bounded: openings and transfers by max_transfers, in all and for each client;
// beyond, those whose client is silent are ended, and if there are none, requests are dropped,
// which a client takes for a lost packet and asks again. File data in memory is bounded by
// cache_bytes, whatever the number of transfers. A transfer itself holds a socket and well below 1
// KiB; sending allocates nothing. Network input throws no exceptions; the constructor does
// (StartError).
#pragma once

#include "common/http_server.h"
#include "tftp-bridge/tftp/admission.h"
#include "tftp-bridge/tftp/endpoint.h"
#include "tftp-bridge/tftp/file_cache.h"
#include "tftp-bridge/tftp/file_root.h"
#include "tftp-bridge/tftp/line_budget.h"
#include "tftp-bridge/tftp/metrics.h"

#include "tftp-bridge/tftp/send_batch.h"
#include "tftp-bridge/tftp/timer_queue.h"
#include "tftp-bridge/tftp/transfer.h"
#include "tftp-bridge/tftp/udp_socket.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bootview::tftp {

struct ServerSettings {
    std::string root;
    bool fold_case = false;
    std::vector<ListenAddress> listen = {ListenAddress{}};
    std::vector<Descriptor> inherited; // bound sockets to be used instead of `listen`
    bool single_port = false;
    PortRange ports;
    std::uint32_t max_block_size =
        0; // bytes; 0: what fits into one packet on the way to the client
    std::uint32_t max_window_size = 64;
    std::uint32_t max_transfers = 4000;
    std::uint32_t max_transfers_per_client = 2000;
    std::size_t cache_bytes = std::size_t{16} << 20;
    std::chrono::milliseconds timeout{1000}; // for clients that ask for none
    unsigned retries = 6;
    std::string metrics; // where to offer them; empty: nowhere
};

// Where a client's file is.
struct Located {
    std::shared_ptr<const FileRoot> root;
    std::string name; // below it
};

// A transfer that begins.
struct Begun {
    std::uint64_t id; // until it has ended
    const Endpoint& client;
    std::string_view name; // as clean_name() gives it
    std::uint64_t length;  // bytes
    std::uint32_t block_size;
};

// One that has ended.
struct Ended {
    std::uint64_t id;
    const Endpoint& client;
    const Transfer& transfer;
};

// A request that got an ERROR for its answer.
struct Refused {
    const Endpoint& client;
    std::string_view name; // as clean_name() gives it
    std::string_view why;
};

// Not thread-safe. Blocks SIGTERM, SIGINT and SIGHUP for the calling thread and takes them from a
// signalfd.
class Server {
public:
    explicit Server(ServerSettings settings);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // For other parts of the program, before run(). A file's place may depend on the client: `name`
    // is as clean_name() gives it. `then` is to be called now, or later from the loop.
    using Locate = std::function<void(const Endpoint& client, const std::string& name,
                                      std::function<void(Located)> then)>;
    void set_locate(Locate locate) { locate_ = std::move(locate); }
    void on_begun(std::function<void(const Begun&)> begun) { begun_ = std::move(begun); }
    void on_ended(std::function<void(const Ended&)> ended) { ended_ = std::move(ended); }
    void on_refused(std::function<void(const Refused&)> refused) { refused_ = std::move(refused); }
    // Calls `on_readable` from the loop. It may not throw.
    void watch_also(int fd, std::function<void()> on_readable);
    // Lines to be added to the metrics.
    void add_metrics(std::function<std::string()> text) { more_metrics_ = std::move(text); }
    void on_reload(std::function<void()> reload) { reload_ = std::move(reload); } // SIGHUP

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
    // A conversation from its request on. There is no transfer as long as the file is being opened.
    //
    // An opening can't be called off, and holds its place until it has ended. A client that asks
    // for something else meanwhile gets that: its first opening goes on as one that is
    // `superseded`. There is one such for a conversation; of what it asks for then, the last
    // counts, and has to wait (`wish`), or a single port could fill the queue of openings without
    // end.
    struct Running {
        Conversation conversation;
        std::vector<std::byte> request;
        std::size_t listener;
        unsigned interface;
        std::optional<Transfer> transfer = std::nullopt;
        bool superseded = false;
        std::uint64_t before = 0; // the superseded one of the same conversation; 0: none
        std::vector<std::byte> wish = {};
        bool heard = false;                 // as Admission knows
        TimePoint timer = TimePoint::max(); // the entry of the timer queue that counts
        bool armed_for_writing = false;
    };

    void open_metrics();
    void watch(int fd, std::uint64_t id, std::uint32_t events, bool already_watched = false);
    void on_signal();
    void on_listener(std::size_t index, std::uint32_t events, TimePoint now);
    void on_transfer(std::uint64_t id, std::uint32_t events, TimePoint now, bool alone);
    void on_timers(TimePoint now);
    void on_datagram(std::size_t listener, const ReceivedRequest& received, TimePoint now);
    void on_stray(std::size_t listener, const ReceivedRequest& received, TimePoint now);
    void on_request(std::size_t listener, const ReceivedRequest& received, const Request& request,
                    TimePoint now);
    void ask(Running asked, const Request& request, TimePoint now);
    void supersede(std::uint64_t id);
    bool make_room(const Endpoint& client, TimePoint now);
    void on_opened(std::uint64_t id, FileCache::Opened opened);
    void on_data(std::uint64_t id);
    void start(std::uint64_t id, Running& running, std::shared_ptr<CachedFile> file);
    std::uint32_t most_block_bytes(const Channel& channel, const Conversation& conversation) const;
    std::optional<Channel> channel_to(const Running& running) const;
    void refuse(const Running& running, Refusal refusal, std::string_view name);
    void busy(std::string_view why, TimePoint now);
    void settle(std::uint64_t id, Running& running);
    void forget(std::uint64_t id, Running& running);
    void count(const Transfer& transfer);
    Metrics metrics_now() const;

    ServerSettings settings_;
    std::shared_ptr<const FileRoot> root_;
    Locate locate_;
    std::function<void(const Begun&)> begun_;
    std::function<void(const Ended&)> ended_;
    std::function<void(const Refused&)> refused_;
    std::function<void()> reload_;
    std::function<std::string()> more_metrics_;
    std::vector<Listener> listeners_;
    Descriptor signals_;
    Descriptor epoll_;
    SendBatch batch_;
    FileCache cache_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Running>> running_; // by identifier
    std::unordered_map<Conversation, std::uint64_t, ConversationHash> conversations_;
    Admission admission_;
    // Transfers that wait until a listening socket they share has room.
    std::unordered_map<std::size_t, std::vector<std::uint64_t>> blocked_;
    TimerQueue timers_;
    LineBudget lines_;
    std::array<std::byte, max_request_bytes + 1> request_buffer_;
    std::vector<std::function<void()>> sources_; // what else is watched
    std::uint64_t next_id_;
    std::uint64_t dropped_ = 0; // requests since the last line about it
    TimePoint last_busy_line_ = TimePoint::min();
    TimePoint last_stray_answer_{};
    TimePoint fruitless_until_{};                     // no use to look for silent clients before
    TimePoint fruitless_client_until_{};              // as well, among those of
    std::array<std::uint8_t, 16> fruitless_client_{}; // this address
    Metrics metrics_;
    std::optional<HttpServer> metrics_server_;
    bool stopping_ = false;
};

} // namespace bootview::tftp
