// Runs the parts of a boot server: starts them one after the other, each when the one before is
// ready; starts a part again that dies, without touching the others; stops all in reverse order.
//
//     waiting ──start──▶ starting ──ready──▶ up          a part that ends while `starting` or `up`
//        ▲                  │                │           goes back to `waiting`, with a growing
//        delay, └──────ended───────┴────────────────┘           unless it never was up: that ends
//        everything
//
// One thread and one epoll set: signals (signalfd), the parts' output, their word of readiness.
// Everything else is a deadline. SIGINT and SIGTERM stop; a second one kills what is left.
#pragma once

#include "bootview/child.h"
#include "bootview/readiness.h"
#include "bootview/restart_delay.h"
#include "common/descriptor.h"
#include "common/line_rate.h"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bootview {

struct Part {
    std::string tag;  // in the log: "nbd"
    std::string name; // in messages: "nbdkit"
    Command command;
    // How it says that it is ready: by $NOTIFY_SOCKET, or by greeting an NBD client here.
    struct NbdServer {
        Address address;
        std::uint16_t port = 0;
    };
    std::optional<NbdServer> greets_at{};
    std::function<void()> before_start{}; // the part is not running; may throw Failure
    std::chrono::milliseconds start_timeout{30'000};
    std::chrono::milliseconds stop_timeout{5'000};
    int stop_signal = SIGTERM; // what it is stopped with
};

class Supervisor {
public:
    // `all_ready` is called once, when the last part is up for the first time.
    Supervisor(std::vector<Part> parts, std::function<void()> all_ready);
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;
    ~Supervisor();

    // Somebody asked for that by SIGHUP. Without it, and when it is the terminal that is gone, that
    // is a wish to stop.
    void on_hangup(std::function<void()> read_again) { on_hangup_ = std::move(read_again); }
    // Calls `look` each `interval` from then on when all parts are up.
    void every(std::chrono::seconds interval, std::function<void()> look) {
        interval_ = interval;
        look_ = std::move(look);
    }
    // Passes a SIGHUP on; to a part that starts, as soon as it is ready.
    void hang_up(const std::string& tag);

    // Returns when everything has been stopped: true if somebody asked for that, false if a part
    // could not be started at first.
    bool run();

private:
    using Clock = std::chrono::steady_clock;
    enum class State { waiting, starting, up, stopping, stopped };

    struct Slot {
        explicit Slot(Part what) : part(std::move(what)) {}

        Part part;
        Child child{};
        State state = State::waiting;
        std::unique_ptr<NotifySocket> notify{};
        std::optional<NbdGreeting> greeting{};
        RestartDelay delay{};
        LineRate lines{2000}; // a part that runs wild, or is made to, does not fill the log
        Clock::time_point started{};
        Clock::time_point deadline = Clock::time_point::max();
        bool was_up = false;
        std::vector<std::string> held_lines{}; // said during the first start
        bool killed_for_time = false;          // by us: not ready or not gone in time
        bool owed_hangup = false;
    };

    void start(Slot& slot);
    void ended(Slot& slot, int status);
    void became_ready(Slot& slot);
    void stop_next(); // sends SIGTERM to the last part that still runs
    void take_line(Slot& slot, std::string_view text);
    void relay(Slot& slot, std::string_view text);
    void release_lines(Slot& slot);
    void on_deadline(Slot& slot);
    void on_signal();
    void reap();
    void on_readable(int fd);
    void begin_stop(bool asked_for);
    void watch(int fd);
    int milliseconds_to_next_deadline() const;

    std::vector<std::unique_ptr<Slot>> slots_; // in the order of starting
    std::function<void()> all_ready_;
    std::function<void()> on_hangup_;
    std::function<void()> look_;
    std::chrono::seconds interval_{};
    Clock::time_point next_look_ = Clock::time_point::max();
    Descriptor epoll_;
    Descriptor signals_;
    std::size_t first_starts_ = 0; // how many parts have been up
    bool stopping_ = false;
    bool asked_for_ = false;
};

} // namespace bootview
