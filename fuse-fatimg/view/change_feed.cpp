#include "fuse-fatimg/view/change_feed.h"

#include "change-ring/path.h"
#include "fuse-fatimg/log.h"

#include <exception>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>

namespace bootview::view {

namespace {

constexpr auto attempt_interval = std::chrono::milliseconds{200};
constexpr auto first_patience = std::chrono::milliseconds{500};
// A write gives the file its time when it begins. By then the last one has ended, on any disk.
constexpr auto longest_write = std::chrono::seconds{30};

// File times advance in steps: of a clock tick on most file systems, of up to two seconds on some
// that store no fractions. Within one step a second change does not show.
std::chrono::milliseconds age(const image::Stamp& stamp) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    const timespec& then = stamp.modified;
    return std::chrono::milliseconds{(now.tv_sec - then.tv_sec) * 1000 +
                                     (now.tv_nsec - then.tv_nsec) / 1'000'000};
}

bool is_young(const image::Stamp& stamp) {
    const bool fractions = stamp.modified.tv_nsec != 0 || stamp.changed.tv_nsec != 0;
    return age(stamp) < std::chrono::milliseconds{fractions ? 50 : 2100};
}

} // namespace

ChangeFeed::ChangeFeed(const image::Source& source, std::string notify, ChangeListener& listener)
    : source_(source), notify_(std::move(notify)), listener_(listener), stamp_(source.stamp()),
      stamp_is_young_(is_young(stamp_)), last_change_(Clock::now() - age(stamp_)) {
    look_for_server();
    const auto deadline = Clock::now() + first_patience;
    while (handshake_ && Clock::now() < deadline) {
        pollfd ready{handshake_->socket(), POLLIN, 0};
        ::poll(&ready, 1, 10);
        proceed_with_handshake();
    }
}

void ChangeFeed::announce() {
    announced_ = true;
    if (mode() == Mode::attached)
        log::info(fmt::format("{}: attached to {}", source_.name(), server_));
    else
        log::info(fmt::format("{}: no server publishes its writes: polling (mode poll) until "
                              "`nbdkit bootview` serves it",
                              source_.name()));
}

std::vector<std::string> ChangeFeed::candidates() const {
    const auto id = source_.id();
    if (notify_.empty())
        return id ? ring::socket_candidates(*id) : std::vector<std::string>{};
    return {id ? ring::socket_at(notify_, *id) : notify_};
}

void ChangeFeed::note_change() {
    last_change_ = Clock::now();
    ++changes_;
}

// The same trouble is said once, not at every attempt.
void ChangeFeed::note_trouble(const std::string& what) {
    if (last_trouble_ != what)
        log::warning(what);
    last_trouble_ = what;
}

// What is wrong with one place is no trouble if the server is at another: another user's server may
// have left its socket there.
void ChangeFeed::begin_handshake() {
    std::string trouble;
    for (const std::string& path : candidates()) {
        try {
            handshake_ = ring::Handshake::begin(path, source_.owner());
            if (handshake_) {
                proceed_with_handshake();
                return;
            }
        } catch (const std::exception& e) {
            trouble = e.what();
        }
    }
    if (!trouble.empty())
        note_trouble(trouble);
}

void ChangeFeed::proceed_with_handshake() {
    try {
        const auto progress = handshake_->proceed();
        if (progress == ring::Handshake::Progress::waiting)
            return;
        if (progress == ring::Handshake::Progress::over) {
            handshake_.reset();
            return;
        }
        ring::Connection found = handshake_->take();
        server_ = handshake_->path();
        handshake_.reset();
        if (const auto id = source_.id(); id && found.ring->image() != *id)
            throw std::runtime_error(
                fmt::format("{}: is the change ring of another image: check notify=", server_));
        connection_ = std::move(found);
    } catch (const std::exception& e) {
        handshake_.reset();
        note_trouble(e.what());
        return;
    }
    last_trouble_.clear();
    stamp_is_of_ = never;
    warned_of_other_writer_ = false;
    const image::Stamp now = source_.stamp();
    // Otherwise writes between the last look at the file's times and this moment went by unseen.
    if (wrote_unseen_ || !same_since_last_look(now) || age(now) < longest_write ||
        !connection_.ring->quiet()) {
        note_change();
        listener_.everything_changed();
    }
    wrote_unseen_ = false;
    if (announced_)
        announce();
}

void ChangeFeed::detach() {
    const bool heard_all = drain() && connection_.ring->quiet() &&
                           stamp_is_of_ == connection_.ring->seen() && !wrote_unseen_;
    connection_ = ring::Connection{};
    const image::Stamp now = source_.stamp();
    const bool unchanged = heard_all && same_since_last_look(now);
    stamp_ = now;
    stamp_is_young_ = !unchanged;
    if (unchanged)
        return;
    // The server may have died in the middle of a write.
    wrote_unseen_ = false;
    note_change();
    listener_.everything_changed();
}

void ChangeFeed::look_for_server() {
    if (connection_.ring) {
        if (ring::hear(connection_) != ring::Heard::end)
            return;
        detach();
        if (announced_)
            announce();
        next_attempt_ = {};
    }
    if (handshake_)
        proceed_with_handshake();
    const auto now = Clock::now();
    if (connection_.ring || handshake_ || now < next_attempt_)
        return;
    next_attempt_ = now + attempt_interval;
    begin_handshake();
}

// The stamp of the last look says so, and could not say otherwise.
bool ChangeFeed::same_since_last_look(const image::Stamp& now) const {
    return source_.stamp_tells() && !stamp_is_young_ && now == stamp_;
}

bool ChangeFeed::may_have_changed() {
    const image::Stamp now = source_.stamp();
    const bool changed = !source_.stamp_tells() || stamp_is_young_ || now != stamp_;
    stamp_ = now;
    stamp_is_young_ = is_young(now);
    return changed;
}

// Attached: a change of the file's times while the ring was quiet is not the server's doing.
// Somebody writes past it (mtools on the image, say), which nobody publishes: the same care as in
// mode poll.
bool ChangeFeed::somebody_else_wrote() {
    const ring::Subscriber& ring = *connection_.ring;
    const std::uint64_t before = std::exchange(stamp_is_of_, never);
    if (!ring.quiet())
        return false;
    const image::Stamp now = source_.stamp();
    if (!ring.quiet()) // a write that began just now may have changed it
        return false;
    const bool wrote = before == ring.seen() && now != stamp_;
    stamp_ = now;
    stamp_is_young_ = is_young(now);
    stamp_is_of_ = ring.seen();
    return wrote;
}

// Reports what the ring holds. False: some of it was overwritten unseen.
bool ChangeFeed::drain() {
    return connection_.ring->drain([this](const ring::Change& change) {
        if (change.kind == ring::Kind::flush)
            return;
        note_change();
        listener_.range_changed({change.offset, change.length});
    });
}

void ChangeFeed::catch_up() {
    if (!connection_.ring) {
        look_for_server();
        if (!connection_.ring && may_have_changed()) {
            if (source_.stamp_tells())
                note_change();
            else // who can't tell is not taken for one who writes all the time
                ++changes_;
            wrote_unseen_ = true;
            listener_.anything_changed();
        }
        return;
    }
    if (!drain()) {
        ++overflows_;
        note_change();
        listener_.everything_changed();
    }
    if (somebody_else_wrote()) {
        note_change();
        wrote_unseen_ = true;
        if (!warned_of_other_writer_)
            log::warning(fmt::format("{}: is written by somebody other than its server: changes "
                                     "show at the next open, without protection against half of "
                                     "them",
                                     source_.name()));
        warned_of_other_writer_ = true;
        listener_.anything_changed();
    }
}

} // namespace bootview::view
