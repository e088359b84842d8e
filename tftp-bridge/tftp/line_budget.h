// Keeps the log readable, and the disk it is written to from filling, whatever clients do: so many
// lines about each address and so many in all for each period; the rest is counted. Pure.
//
// A Raspberry Pi fetches some thirty files in one boot, a classroom a thousand.
#pragma once

#include "tftp-bridge/tftp/endpoint.h"

#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <utility>

namespace bootview::tftp {

class LineBudget {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    static constexpr std::chrono::seconds period{10};
    static constexpr std::uint32_t max_lines_per_address = 200;
    static constexpr std::uint32_t max_lines = 4000;

    // Whether a line about this client is to be written now.
    bool allows(Endpoint client, TimePoint now) {
        if (now >= ends_) {
            ends_ = now + period;
            lines_ = 0;
            by_address_.clear();
        }
        client.port = 0;
        if (lines_ < max_lines && by_address_[client] < max_lines_per_address) {
            ++by_address_[client];
            ++lines_;
            return true;
        }
        ++left_out_;
        return false;
    }

    // How many lines were left out and not told of yet; 0 as long as the period lasts.
    std::uint64_t take_left_out(TimePoint now) {
        return now < ends_ ? 0 : std::exchange(left_out_, 0);
    }
    // When take_left_out() has something to tell; max() if nothing was left out.
    TimePoint tells_at() const { return left_out_ == 0 ? TimePoint::max() : ends_; }

private:
    // At most max_lines addresses, and those only for a period.
    std::unordered_map<Endpoint, std::uint32_t, EndpointHash> by_address_; // port 0
    TimePoint ends_{};
    std::uint32_t lines_ = 0;
    std::uint64_t left_out_ = 0;
};

} // namespace bootview::tftp
