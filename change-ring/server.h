// Hands out change rings over Unix sockets and wakes idle subscribers; protocol.h is what is said.
//
// One thread serves all rings of a process. It holds up nobody: publishers only ring a doorbell,
// and every send is non-blocking.
#pragma once

#include "change-ring/publisher.h"
#include "common/descriptor.h"

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace bootview::ring {

// Who may connect, beside root and the user the server runs as.
struct Access {
    mode_t mode = 0600;         // of the socket file; o+w lets in everyone
    std::optional<gid_t> group; // of the socket file; its members are let in when mode has g+w
};

// Why a ring has no socket, in words for the user.
class NoSocket : public std::runtime_error {
public:
    enum class Why {
        served_already, // another live server publishes this image
        shortage,       // of room, permission or descriptors: views go without, and poll
        mistake,        // in notify=, notify-mode= or notify-group=
    };
    NoSocket(Why reason, const std::string& text) : std::runtime_error(text), why(reason) {}
    const Why why;
};

class Server {
public:
    explicit Server(Access access); // throws std::system_error
    ~Server();                      // stop()
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Binds and listens; connections queue until the thread runs. A socket that a dead server left
    // behind is replaced. Throws NoSocket. May be called before and after start(); any thread.
    void add(std::shared_ptr<Publisher> publisher, const std::string& path);

    // Starts the thread. After fork and after setuid, since threads survive neither well.
    void start();
    // Ends the thread, closes every connection (subscribers see the end of file) and removes the
    // sockets. Idempotent.
    void stop() noexcept;

    const std::shared_ptr<Doorbell>& doorbell() const { return bell_; }

private:
    struct Export {
        std::shared_ptr<Publisher> publisher;
        std::string path;
        Descriptor listener;
        std::uint64_t announced = 0; // the newest change subscribers were woken for
        std::uint32_t writers = 0;   // and the number of writing clients at that time
        bool has_news = false;       // since then; wake_subscribers()'s own
    };
    struct Peer {
        Descriptor socket;
        std::size_t export_index = 0;
        bool attached = false; // has said hello and got the segment
    };

    void run() noexcept;
    void serve(std::uint64_t tag) noexcept;
    void accept_peer(std::size_t index);
    void rest(std::size_t index);
    void listen_again();
    bool may_connect(int socket) const;
    void hear_peer(int fd);
    void drop_peer(int fd);
    void wake_subscribers();
    void watch(int fd, std::uint64_t tag) const;

    Access access_;
    std::shared_ptr<Doorbell> bell_;
    Descriptor epoll_;
    Descriptor quit_;
    std::thread thread_;
    std::mutex mutex_; // guards exports_ (add() against the thread)
    std::vector<std::unique_ptr<Export>> exports_;
    std::unordered_map<int, Peer> peers_; // by descriptor; the thread's own
    // Exports that no peer is accepted for, and until when; the thread's own.
    std::vector<std::size_t> resting_;
    std::chrono::steady_clock::time_point rested_at_;
};

} // namespace bootview::ring
