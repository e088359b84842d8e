// The reading side of the change ring. See layout.h for the idea, change-ring(7) for the format.
#pragma once

#include "change-ring/layout.h"
#include "change-ring/publisher.h"
#include "common/descriptor.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace bootview::ring {

// A read-only mapping of one segment and a position in it. Not thread-safe: its owner's lock guards
// it.
class Subscriber {
public:
    // Maps the segment behind `memory`. Changes that were done before are not reported; those still
    // under way are known to in_flight() from the start. Throws std::system_error, or
    // std::runtime_error for a segment that is none or has another ABI version.
    explicit Subscriber(Descriptor memory);
    ~Subscriber();
    Subscriber(const Subscriber&) = delete;
    Subscriber& operator=(const Subscriber&) = delete;

    // Calls `on_change` for every change begun since the last drain, done or not, and brings
    // in_flight() up to date. Nothing reported: what was read from the image before this call, and
    // after the last one, is untouched. False: some were overwritten unseen (overflow), everything
    // may have changed; the position is then the newest change.
    bool drain(const std::function<void(const Change&)>& on_change);

    // Changes that had begun but were not done at the last drain: what their ranges hold is
    // unknown.
    const std::vector<Change>& in_flight() const { return in_flight_; }
    bool in_flight(std::uint64_t offset, std::uint64_t length) const;
    // Nothing was begun since the last drain(), and all that was is done.
    bool quiet() const;

    ImageId image() const { return {header_->image_device, header_->image_inode}; }
    std::uint64_t image_size() const { return header_->image_size.load(std::memory_order_acquire); }
    std::uint32_t writers() const { return header_->writers.load(std::memory_order_acquire); }
    State state() const { return State{header_->state.load(std::memory_order_acquire)}; }
    std::uint64_t seen() const { return seen_; }

private:
    enum class Found { published, unpublished, overwritten };

    Found look_up(std::uint64_t number, Change& change) const noexcept;
    bool take(std::uint64_t number, const std::function<void(const Change&)>* on_change);
    void start_over();

    const void* mapping_ = nullptr;
    std::size_t size_ = 0;
    const Header* header_ = nullptr;
    const Slot* slots_ = nullptr;
    std::uint64_t mask_ = 0;

    std::uint64_t seen_ = 0; // every change up to here was looked at, or is in unpublished_
    // Numbers taken by a publisher that has not filled its slot yet. It has not touched the image
    // either, so they matter only from the drain that finds them filled.
    std::vector<std::uint64_t> unpublished_;
    std::vector<Change> in_flight_;
};

} // namespace bootview::ring
