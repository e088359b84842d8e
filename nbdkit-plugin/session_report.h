// Tells whoever listens (events/event.h) what a client does with its export. No request waits for
// it: counters are atomic, and at most one request in a second sends a packet, without blocking.
#pragma once

#include "events/sender.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace bootview::plugin {

// One client's connection; from its opening to its end, of which both tell. Any thread.
class SessionReport {
public:
    struct About {
        std::string client;
        std::string export_name;
        std::string image;
        bool writable;
    };
    SessionReport(std::shared_ptr<events::Sender> sender, About about);
    ~SessionReport();
    SessionReport(const SessionReport&) = delete;
    SessionReport& operator=(const SessionReport&) = delete;

    void read(std::uint64_t bytes) noexcept;
    void wrote(std::uint64_t bytes) noexcept;
    void flushed(std::chrono::nanoseconds took) noexcept;

private:
    using Clock = std::chrono::steady_clock;

    void tell_now_and_then() noexcept;
    void tell(const char* state) noexcept;

    const std::shared_ptr<events::Sender> sender_;
    const About about_;
    const std::uint64_t id_;
    const Clock::time_point opened_ = Clock::now();
    std::atomic<std::uint64_t> read_{0};
    std::atomic<std::uint64_t> written_{0};
    std::atomic<std::uint64_t> flushes_{0};
    std::atomic<std::int64_t> flush_ns_{0};
    std::atomic<Clock::rep> next_{0}; // when to tell again
};

} // namespace bootview::plugin
