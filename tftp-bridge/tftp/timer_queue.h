// When to wake up next, for many timers that are moved far more often than they expire. Pure.
//
// A moved timer leaves its old entry behind; the owner, who knows the real deadline, tells on
// expiry whether an entry is still good. So an acknowledgement that puts a deadline off costs
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tftp-bridge/tftp/sender.h"

namespace bootview::tftp {

class TimerQueue {
public:
    struct Entry {
        TimePoint when;
        std::uint64_t id;
    };

    explicit TimerQueue(std::size_t expected) { heap_.reserve(expected); }

    void add(TimePoint when, std::uint64_t id);
    // Drops the entries that are good for nothing any more: a flood of short transfers with long
    // timeouts leaves many behind.
    template<typename Good>
    void keep_if(Good good) {
        std::erase_if(heap_, [&](const Entry& entry) { return !good(entry); });
        rebuild();
    }
    std::size_t size() const { return heap_.size(); }
    std::optional<Entry> take_due(TimePoint now);
    // For epoll_wait: milliseconds until the first entry, or until `also`, rounded up; -1 without
    // any.
    int wait_ms(TimePoint now, TimePoint also = TimePoint::max()) const;

private:
    void rebuild();

    std::vector<Entry> heap_; // the earliest in front
};

} // namespace bootview::tftp
