// What fuse-fatimg says while it runs: to stderr in the foreground, to syslog as a daemon.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace bootview::log {

void to_syslog(); // from now on

void info(const std::string& line);
void warning(const std::string& line);

// Lets one line a second through and counts the rest.
class RateLimit {
public:
    // True when a line may be printed; `dropped` is how many were not since the last one.
    bool allow(std::uint64_t& dropped);

private:
    std::atomic<std::int64_t> next_ms_{0};
    std::atomic<std::uint64_t> dropped_{0};
};

} // namespace bootview::log
