// The news about one image: what changed since the last look.
//
// Attached: the nbdkit plugin (or filter) that serves the image publishes every write in a change
// ring, and nothing that goes through it escapes. Poll: nobody publishes, so the file's size and
// times must tell; they say that something changed but not where, and a file that is being written
// right now can always have changed. The feed finds the ring by itself and changes over as the
// server comes and goes.
#pragma once

#include "change-ring/client.h"
#include "change-ring/subscriber.h"
#include "fuse-fatimg/image/range.h"
#include "fuse-fatimg/image/source.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bootview::view {

enum class Mode { attached, poll };

// What a change means to whoever listens. Called with the view's lock held.
class ChangeListener {
public:
    virtual ~ChangeListener() = default;
    virtual void range_changed(const Range& range) = 0;
    // Writes may have been missed: nothing read before is known to be of one version.
    virtual void everything_changed() = 0;
    // Poll: something changed, somewhere. What can be compared must be compared before it is used.
    virtual void anything_changed() = 0;
};

// Not thread-safe: the view's lock guards it.
class ChangeFeed {
public:
    using Clock = std::chrono::steady_clock;

    // `notify` is a socket, or a directory in which it lies under its derived name; empty: where
    // the plugin puts it by default. Waits for half a second at most if there is a socket; nothing
    // else here ever waits.
    ChangeFeed(const image::Source& source, std::string notify, ChangeListener& listener);

    // Says in the log which mode this is, now and whenever it changes from now on.
    void announce();
    // Reports everything up to now.
    void catch_up();
    // Looks whether the server came or went.
    void look_for_server();

    // Is this range being written at this moment?
    bool in_flight(const Range& range) const {
        return connection_.ring && connection_.ring->in_flight(range.offset, range.length);
    }
    Mode mode() const { return connection_.ring ? Mode::attached : Mode::poll; }
    // Readable: look_for_server(). -1: there is nobody to hear.
    int socket() const { return handshake_ ? handshake_->socket() : connection_.socket.get(); }
    std::uint32_t writers() const { return connection_.ring ? connection_.ring->writers() : 0; }
    std::uint64_t changes() const { return changes_; }     // that were reported up to now
    std::uint64_t overflows() const { return overflows_; } // times the ring went too fast
    bool changed_within(Clock::duration time) const { return Clock::now() - last_change_ < time; }

private:
    std::vector<std::string> candidates() const;
    void begin_handshake();
    void proceed_with_handshake();
    void note_change();
    void note_trouble(const std::string& what);
    void detach();
    bool drain();
    bool may_have_changed();
    bool somebody_else_wrote();
    bool same_since_last_look(const image::Stamp& now) const;

    const image::Source& source_;
    std::string notify_;
    ChangeListener& listener_;
    ring::Connection connection_;
    std::unique_ptr<ring::Handshake> handshake_; // with a server that has not answered yet
    image::Stamp stamp_;
    bool stamp_is_young_ = true; // the file may change again without changing its stamp
    bool wrote_unseen_ = false;  // while nobody published, so what is open may be of two versions
    Clock::time_point last_change_{};
    std::uint64_t changes_ = 0;
    std::uint64_t overflows_ = 0;
    Clock::time_point next_attempt_{};
    static constexpr std::uint64_t never = ~std::uint64_t{0};
    std::uint64_t stamp_is_of_ = never; // attached: the ring's newest change, which was done
    bool warned_of_other_writer_ = false;
    bool announced_ = false;
    std::string server_;       // the socket it is attached to
    std::string last_trouble_; // said once, not at every attempt
};

} // namespace bootview::view
