#include "tftp-bridge/tftp/timer_queue.h"

#include <algorithm>

namespace bootview::tftp {
namespace {

bool later(const TimerQueue::Entry& a, const TimerQueue::Entry& b) {
    return a.when > b.when;
}

} // namespace

void TimerQueue::add(TimePoint when, std::uint64_t id) {
    heap_.push_back({when, id});
    std::push_heap(heap_.begin(), heap_.end(), later);
}

void TimerQueue::rebuild() {
    std::make_heap(heap_.begin(), heap_.end(), later);
}

std::optional<TimerQueue::Entry> TimerQueue::take_due(TimePoint now) {
    if (heap_.empty() || heap_.front().when > now)
        return std::nullopt;
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Entry entry = heap_.back();
    heap_.pop_back();
    return entry;
}

int TimerQueue::wait_ms(TimePoint now, TimePoint also) const {
    const auto first = heap_.empty() ? also : std::min(also, heap_.front().when);
    if (heap_.empty() && also == TimePoint::max())
        return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - now);
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

} // namespace bootview::tftp
