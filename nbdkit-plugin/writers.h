// One writer at a time (docs/coherence.md, P7): which client may have a read-write connection to an
// image.
//
// Two machines that write one file system destroy it, so the first client has the image for itself
// until its last connection is gone. A client may have several connections (multi-conn). It may
// also come back before the server has noticed that its old connection is dead: then it is let in,
// and its older connections must prove that they are alive, or are ended, before a request of the
// new one is taken. Another client is refused, and the connections of the first no longer have the
// patience of TCP: when it has gone without a word, that is noticed within 20 seconds.
//
// Who is one client is decided by the caller: it gives a name, "192.0.2.5". All this happens when
// connections are opened and closed, and never while they transfer data.
#pragma once

#include "change-ring/publisher.h"
#include "nbdkit-plugin/client_link.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace bootview::plugin {

// The parameter writers=any|one.
enum class WriterRule { any, one };
// Throws std::invalid_argument with a message for the user.
WriterRule parse_writer_rule(const std::string& value);

// What a client is told that may not write an image now.
class InUse : public std::runtime_error {
public:
    InUse(const std::string& why, bool news) : std::runtime_error(why), is_news(news) {}
    const bool is_news; // false: this client was told the same less than a minute ago
};

class Writers {
public:
    using Milliseconds = std::chrono::milliseconds;
    // How long to wait for what; tests have less of it.
    struct Patience {
        Milliseconds leaving{300};  // of another client, which may be about to go: a probe
        Milliseconds probe{1000};   // of silence before TCP can ask whether somebody is there
        Milliseconds answer{300};   // to that
        Milliseconds proof{700};    // for an older connection to answer, at least
        Milliseconds vouched{2000}; // who has answered, or come, that recently need not again
        Milliseconds ending{3000};  // until the requests of a dead connection are done
        Milliseconds lost{18000};   // silence of a client that is being waited for ...
        Milliseconds probes{9000};  // ... during which it was asked this long
        Milliseconds kept{20000};   // after a start, for the client that wrote before it
    };

    explicit Writers(Patience patience) : patience_(patience) {}
    Writers() : Writers(Patience{}) {}

    // A connection that may write, for as long as it is there.
    class Place {
    public:
        ~Place();
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

    private:
        friend class Writers;
        struct Seat;
        Place(Writers& writers, ring::ImageId image, std::shared_ptr<Seat> seat);

        Writers& writers_;
        ring::ImageId image_;
        std::shared_ptr<Seat> seat_;
    };

    // Takes the lock on the image that other programs respect, when its first writer comes; empty
    // if there is no such lock. Throws whatever take() then throws.
    using TakeLock = std::function<Descriptor()>;

    // Lets a client in, or throws InUse. `link`: null for a client whose death the kernel tells at
    // once. `memory`: the file in which the client is kept for the next server (last_writer.h);
    // empty: nowhere. Waits, for less than a second unless the storage is slow; any thread.
    std::unique_ptr<Place> take(ring::ImageId image, const std::string& client,
                                std::unique_ptr<ClientLink> link, const TakeLock& take_lock,
                                const std::string& memory = {});

    // "in use: written by 192.0.2.5 since 12:03:05; ..."; empty: nobody writes it.
    std::string describe(ring::ImageId image) const;

private:
    using Clock = std::chrono::steady_clock;
    using Seat = Place::Seat;
    using Guard = std::unique_lock<std::mutex>;
    struct Image {
        std::string client;
        std::chrono::system_clock::time_point since;
        std::list<std::shared_ptr<Seat>> seats; // the client's connections, oldest first
        enum class Locking { not_yet, under_way, done } locking = Locking::not_yet;
        Descriptor lock;
        std::string memory; // empty: nothing is kept
    };

    void wait_for_others(ring::ImageId id, const std::string& client, const std::string& memory,
                         Guard& guard);
    [[noreturn]] void refuse(ring::ImageId id, const std::string& client, const std::string& why);
    void lock(Image& image, const TakeLock& take_lock, Guard& guard);
    void prove_older(Image& image, const std::shared_ptr<Seat>& newest, Guard& guard);
    void press(Image& image) const;
    void leave(ring::ImageId id, const std::shared_ptr<Seat>& seat) noexcept;

    const Patience patience_;
    const Clock::time_point started_ = Clock::now();
    mutable std::mutex mutex_;        // guards images_ and all that is in it
    std::condition_variable changed_; // somebody has left, or a lock is taken or not to be had
    std::map<ring::ImageId, Image> images_; // those that have a writer
    std::map<std::pair<ring::ImageId, std::string>, Clock::time_point>
        told_; // who is refused; when
};

} // namespace bootview::plugin
