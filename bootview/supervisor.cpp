#include "bootview/supervisor.h"

#include "bootview/failure.h"
#include "bootview/log.h"
#include "common/service_notify.h"
#include "common/take_over_signals.h"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <limits>
#include <utility>

namespace bootview {

namespace {

constexpr std::size_t most_held_lines = 1000; // of a part that starts; more is a part run wild

std::chrono::milliseconds since(std::chrono::steady_clock::time_point then) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 then);
}

double seconds(std::chrono::milliseconds time) {
    return static_cast<double>(time.count()) / 1000;
}

} // namespace

Supervisor::Supervisor(std::vector<Part> parts, std::function<void()> all_ready)
    : all_ready_(std::move(all_ready)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (auto& part : parts)
        slots_.push_back(std::make_unique<Slot>(std::move(part)));
    signals_ = take_over_signals({SIGINT, SIGTERM, SIGHUP, SIGCHLD});
    if (!epoll_ || !signals_)
        throw Failure("can't make an event loop: out of file descriptors?");
    watch(signals_.get());
}

Supervisor::~Supervisor() {
    // Only after an exception: nothing of ours may outlive us.
    for (auto slot = slots_.rbegin(); slot != slots_.rend(); ++slot)
        if ((*slot)->child.pid() > 0) {
            (*slot)->child.send_signal(SIGKILL);
            ::waitpid((*slot)->child.pid(), nullptr, 0);
        }
}

void Supervisor::watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

bool Supervisor::run() {
    if (!slots_.empty())
        start(*slots_.front());
    while (!stopping_ || std::any_of(slots_.begin(), slots_.end(), [](const auto& slot) {
        return slot->state != State::stopped;
    })) {
        std::array<epoll_event, 16> events{};
        const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                       milliseconds_to_next_deadline());
        for (int i = 0; i < count; ++i)
            on_readable(events.at(static_cast<std::size_t>(i)).data.fd);
        for (const auto& slot : slots_)
            if (slot->deadline <= Clock::now())
                on_deadline(*slot);
        if (next_look_ <= Clock::now()) {
            next_look_ = Clock::now() + interval_;
            look_();
        }
    }
    return asked_for_;
}

int Supervisor::milliseconds_to_next_deadline() const {
    auto next = next_look_;
    for (const auto& slot : slots_)
        next = std::min(next, slot->deadline);
    if (next == Clock::time_point::max())
        return -1;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(next - Clock::now()).count() + 1;
    return static_cast<int>(std::clamp<long long>(left, 0, std::numeric_limits<int>::max()));
}

void Supervisor::start(Slot& slot) {
    slot.started = Clock::now();
    slot.killed_for_time = false;
    try {
        if (slot.part.before_start)
            slot.part.before_start();
        Command command = slot.part.command;
        if (!slot.part.greets_at) {
            slot.notify = std::make_unique<NotifySocket>();
            command.environment.emplace_back("NOTIFY_SOCKET", slot.notify->name());
        }
        slot.child = Child(command);
    } catch (const Failure& failure) {
        log::say(log::Level::error, "{}", failure.what());
        ended(slot, 0);
        return;
    }
    log::say(log::Level::debug, "started {} (process {})", slot.part.name, slot.child.pid());
    slot.state = State::starting;
    slot.deadline = slot.started + slot.part.start_timeout;
    watch(slot.child.output());
    if (slot.part.greets_at) {
        slot.greeting.emplace(slot.part.greets_at->address, slot.part.greets_at->port);
        watch(slot.greeting->fd());
    } else {
        watch(slot.notify->fd());
    }
}

void Supervisor::became_ready(Slot& slot) {
    if (slot.state != State::starting)
        return;
    slot.state = State::up;
    release_lines(slot);
    slot.deadline = Clock::time_point::max();
    if (std::exchange(slot.owed_hangup, false))
        slot.child.send_signal(SIGHUP);
    log::say(slot.was_up ? log::Level::info : log::Level::debug, "{} is up after {:.1f} s",
             slot.part.name, seconds(since(slot.started)));
    if (slot.was_up)
        return;
    slot.was_up = true;
    ++first_starts_;
    if (first_starts_ < slots_.size()) {
        start(*slots_.at(first_starts_));
        return;
    }
    if (look_)
        next_look_ = Clock::now() + interval_;
    all_ready_();
}

// Also called for a part that could not even be started; then without a process.
void Supervisor::ended(Slot& slot, int status) {
    const bool ran = slot.child.pid() > 0;
    if (ran)
        slot.child.finish_output([&](std::string_view text) { take_line(slot, text); });
    slot.child = Child{};
    slot.notify.reset();
    slot.greeting.reset();
    slot.deadline = Clock::time_point::max();
    const std::string how = slot.killed_for_time ? fmt::format("did not get ready within {:.0f} s",
                                                               seconds(slot.part.start_timeout))
                                                 : describe_end(status);
    if (stopping_) {
        release_lines(slot);
        slot.state = State::stopped;
        log::say(log::Level::debug, "{} {}", slot.part.name, how);
        stop_next();
        return;
    }
    if (!slot.was_up) {
        // The last thing it said is the reason, and the one line that the user needs. A line of
        // ours is for a part that said nothing, or did nothing.
        if (ran && (slot.killed_for_time || slot.held_lines.empty())) {
            release_lines(slot);
            log::say(log::Level::error,
                     "{} {}; see its manual, or try again with --log-level debug", slot.part.name,
                     how);
        } else if (ran) {
            log::line(slot.part.tag, slot.held_lines.back());
            slot.held_lines.clear();
        }
        slot.state = State::stopped;
        begin_stop(false);
        return;
    }
    const auto delay = slot.delay.next(since(slot.started));
    slot.state = State::waiting;
    slot.deadline = Clock::now() + delay;
    if (ran)
        log::say(log::Level::warning, "{} {}; starting it again in {:.1f} s", slot.part.name, how,
                 seconds(delay));
}

// What a part says while it starts for the first time waits until it is clear how that ends: with
// one line if it fails.
void Supervisor::take_line(Slot& slot, std::string_view text) {
    if (!slot.was_up && log::level() != log::Level::debug &&
        slot.held_lines.size() < most_held_lines)
        slot.held_lines.emplace_back(text);
    else
        relay(slot, text);
}

void Supervisor::relay(Slot& slot, std::string_view text) {
    std::uint64_t left_out = 0;
    if (!slot.lines.allows(Clock::now(), left_out))
        return;
    if (left_out > 0)
        log::say(log::Level::warning, "{} lines of {} were left out: more than 2000 in {} s",
                 left_out, slot.part.name, LineRate::period.count());
    log::line(slot.part.tag, text);
}

void Supervisor::release_lines(Slot& slot) {
    for (const auto& text : slot.held_lines)
        log::line(slot.part.tag, text);
    slot.held_lines.clear();
}

void Supervisor::on_deadline(Slot& slot) {
    slot.deadline = Clock::time_point::max();
    switch (slot.state) {
    case State::waiting:
        start(slot);
        break;
    case State::starting:
        slot.killed_for_time = true;
        slot.child.send_signal(SIGKILL);
        break;
    case State::stopping:
        log::say(log::Level::debug, "{} did not end within {:.0f} s of SIGTERM; killing it",
                 slot.part.name, seconds(slot.part.stop_timeout));
        slot.child.send_signal(SIGKILL);
        break;
    case State::up:
    case State::stopped:
        break;
    }
}

void Supervisor::begin_stop(bool asked_for) {
    stopping_ = true;
    asked_for_ = asked_for;
    for (const auto& slot : slots_) {
        if (slot->state != State::waiting)
            continue;
        slot->state = State::stopped; // not running: there is nothing to wait for
        slot->deadline = Clock::time_point::max();
    }
    stop_next();
}

void Supervisor::stop_next() {
    for (auto slot = slots_.rbegin(); slot != slots_.rend(); ++slot) {
        Slot& last = **slot;
        if (last.state == State::stopping)
            return; // one at a time
        if (last.state == State::stopped)
            continue;
        last.state = State::stopping;
        last.killed_for_time = false;
        last.deadline = Clock::now() + last.part.stop_timeout;
        last.child.send_signal(last.part.stop_signal);
        return;
    }
}

void Supervisor::hang_up(const std::string& tag) {
    for (const auto& slot : slots_) {
        if (slot->part.tag != tag)
            continue;
        if (slot->state == State::up)
            slot->child.send_signal(SIGHUP);
        slot->owed_hangup = slot->state == State::starting; // it may have read the old ones
    }
}

void Supervisor::on_signal() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        const auto signal = static_cast<int>(info.ssi_signo);
        if (signal == SIGCHLD) {
            reap();
        } else if (signal == SIGHUP && on_hangup_ && info.ssi_code != SI_KERNEL) {
            if (!stopping_)
                on_hangup_();
        } else if (!stopping_) {
            notify_service_manager("STOPPING=1");
            log::say(log::Level::info, "stopping");
            begin_stop(true);
        } else if (signal != SIGHUP) { // the user is in a hurry
            for (const auto& slot : slots_)
                slot->child.send_signal(SIGKILL);
        }
    }
}

void Supervisor::reap() {
    for (const auto& slot : slots_) {
        int status = 0;
        if (slot->child.pid() > 0 && ::waitpid(slot->child.pid(), &status, WNOHANG) > 0)
            ended(*slot, status);
    }
}

void Supervisor::on_readable(int fd) {
    if (fd == signals_.get()) {
        on_signal();
        return;
    }
    for (const auto& slot : slots_) {
        if (fd == slot->child.output()) {
            const bool more =
                slot->child.read_output([&](std::string_view text) { take_line(*slot, text); });
            if (!more) // it closed its output but lives on
                ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
        } else if (slot->notify && fd == slot->notify->fd()) {
            if (slot->notify->take_ready())
                became_ready(*slot);
        } else if (slot->greeting && fd == slot->greeting->fd()) {
            // After the greeting the server's farewell is read too, so that it may end in order.
            if (slot->state != State::starting)
                slot->greeting.reset();
            else if (slot->greeting->take_ready())
                became_ready(*slot);
        } else {
            continue;
        }
        return;
    }
}

} // namespace bootview
