// How long to wait before a part that died is started again: 0.2 s, doubling up to 10 s; from the
// beginning once it has run for 30 s.
#pragma once

#include <algorithm>
#include <chrono>

namespace bootview {

class RestartDelay {
public:
    static constexpr std::chrono::milliseconds first{200};
    static constexpr std::chrono::milliseconds longest{10'000};
    static constexpr std::chrono::milliseconds good_run{30'000};

    // The delay to wait now, given how long the part had been running.
    std::chrono::milliseconds next(std::chrono::milliseconds ran) {
        if (ran >= good_run)
            delay_ = first;
        const auto result = delay_;
        delay_ = std::min(delay_ * 2, longest);
        return result;
    }

private:
    std::chrono::milliseconds delay_ = first;
};

} // namespace bootview
