// The end of a part that tells. Never waits, and never fails: what nobody takes is lost, and
// counted.
#pragma once

#include "common/descriptor.h"
#include "events/event.h"

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

namespace bootview::events {

inline constexpr const char* environment_variable = "BOOTVIEW_EVENTS";

// Any thread may send.
class Sender {
public:
    explicit Sender(std::string path) : path_(std::move(path)) {}

    // To the socket that $BOOTVIEW_EVENTS names; null if it names none: then there is nothing to
    // tell.
    static std::unique_ptr<Sender> from_environment();

    void send(const Event& event) noexcept;
    std::uint64_t lost() const;

private:
    bool connect();

    const std::string path_;
    mutable std::mutex mutex_;
    Descriptor socket_;
    // When nobody listens, that is asked again after a second, not at each event.
    std::chrono::steady_clock::time_point next_attempt_{};
    std::uint64_t lost_ = 0;
};

} // namespace bootview::events
