// Keeps the log readable: a line about the same thing once in a while, and not too many lines in
// all, whatever comes in from the network. Time is handed in.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace bootview::dhcp {

class LineLimit {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    static constexpr std::chrono::seconds same_again{60}; // the same key
    static constexpr std::chrono::seconds period{10};     // for the number of all lines
    static constexpr unsigned lines_per_period = 20;

    // Whether a line about `key` is to be written now.
    bool allows(const std::string& key, TimePoint now);
    // How many different things have been kept back since this was asked last; 0 inside a period.
    std::uint64_t take_kept_back(TimePoint now);

private:
    static constexpr std::size_t most_keys = 4096;

    std::unordered_map<std::string, TimePoint> written_;
    TimePoint period_began_{};
    unsigned lines_ = 0;
    std::uint64_t kept_back_ = 0;
};

} // namespace bootview::dhcp
