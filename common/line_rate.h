// Bounds how fast something may write lines into a log: so many in ten seconds. What is left out is
// counted, and told with the first line that is written again. Thread-safe; time is handed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <utility>

namespace bootview {

class LineRate {
public:
    using TimePoint = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::seconds period{10};

    explicit LineRate(std::uint32_t max_lines) : max_lines_(max_lines) {}

    // Whether a line may be written now; then `left_out` is how many were not since the last one.
    bool allows(TimePoint now, std::uint64_t& left_out) {
        const std::lock_guard lock(mutex_);
        if (now >= ends_) {
            ends_ = now + period;
            lines_ = 0;
        }
        if (lines_ >= max_lines_) {
            ++left_out_;
            return false;
        }
        ++lines_;
        left_out = std::exchange(left_out_, 0);
        return true;
    }

private:
    const std::uint32_t max_lines_;
    std::mutex mutex_; // guards all below
    TimePoint ends_{};
    std::uint32_t lines_ = 0;
    std::uint64_t left_out_ = 0;
};

} // namespace bootview
