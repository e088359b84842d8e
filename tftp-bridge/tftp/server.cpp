#include "tftp-bridge/tftp/server.h"

#include "common/service_notify.h"
#include "common/take_over_signals.h"
#include "tftp-bridge/tftp/log.h"
#include "tftp-bridge/tftp/start_error.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace bootview::tftp {
namespace {

// Identifiers in epoll events: other sources by their number, then the listeners, and from there on
// the transfers, each with a number of its own for ever, so that an event for one that has just
// ended finds nobody.
constexpr std::uint64_t first_listener_id = 64;

// A flood of requests must not keep running transfers waiting.
constexpr int requests_per_turn = 32;
constexpr int packets_per_turn = 256; // where acknowledgements come in the same way

// How long the only transfer there is may keep everything else waiting. A socket waits no longer
// than longest_wait besides, should its client stop answering.
constexpr auto turn_of_only_transfer = std::chrono::microseconds(500);

// Each transfer has a socket and a file; a few descriptors more for everything else.
void raise_descriptor_limit(std::uint32_t max_transfers) {
    const rlim_t wanted = rlim_t{max_transfers} * 2 + 128;
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted)
        log::warning("only {} open files are allowed, too few for {} transfers; raise the limit "
                     "(LimitNOFILE={}) or lower --max-transfers",
                     limit.rlim_cur, max_transfers, wanted);
}

} // namespace

Server::Server(ServerSettings settings)
    : settings_(std::move(settings)),
      root_(std::make_shared<FileRoot>(settings_.root, settings_.fold_case)),
      locate_([this](const Endpoint&, const std::string& name,
                     const std::function<void(Located)>& then) {
          then({root_, name});
      }),
      cache_(settings_.cache_bytes,
             {[this](std::uint64_t id, FileCache::Opened file) { on_opened(id, std::move(file)); },
              [this](std::uint64_t id) { on_data(id); }}),
      admission_(settings_.max_transfers, settings_.max_transfers_per_client),
      timers_(std::min(settings_.max_transfers, 1000U)) {
    root_->check();
    if (settings_.inherited.empty())
        for (const auto& address : settings_.listen)
            listeners_.emplace_back(address);
    for (auto& inherited : settings_.inherited)
        listeners_.emplace_back(std::move(inherited));
    next_id_ = first_listener_id + listeners_.size();
    raise_descriptor_limit(settings_.max_transfers);

    signals_ = take_over_signals({SIGTERM, SIGINT, SIGHUP});
    epoll_ = Descriptor(epoll_create1(EPOLL_CLOEXEC));
    if (!signals_ || !epoll_)
        throw StartError(
            fmt::format("cannot set up the event loop: {}; raise the limit of open files",
                        std::strerror(errno)));
    watch_also(signals_.get(), [this] { on_signal(); });
    for (const int fd : cache_.fds())
        watch_also(fd, [this] { cache_.run_completed(); });
    if (!settings_.metrics.empty()) {
        open_metrics();
        watch_also(metrics_server_->fd(), [this] { metrics_server_->handle(); });
    }
    for (std::size_t i = 0; i < listeners_.size(); ++i)
        watch(listeners_[i].fd(), first_listener_id + i, EPOLLIN);
}

// On a Unix socket or a port of this machine, never on the network: they say who boots when.
void Server::open_metrics() {
    const auto& where = settings_.metrics;
    const auto answer = [this](const std::string&) {
        return HttpResponse{.type = "text/plain; version=0.0.4",
                            .body =
                                metrics_now().to_text() + (more_metrics_ ? more_metrics_() : "")};
    };
    try {
        if (where.starts_with('/') || where.find(':') == std::string::npos) {
            metrics_server_.emplace(where, answer);
            return;
        }
    } catch (const std::invalid_argument&) {
    } catch (const std::system_error& error) {
        throw StartError(
            fmt::format("--metrics {}: {}; name another port, or the path of a socket in a "
                        "directory that this user may write to",
                        where, error.code().message()));
    }
    throw StartError(fmt::format("--metrics {}: write a port number, which will be one of "
                                 "127.0.0.1, or the path of a socket, beginning with /",
                                 where));
}

void Server::run() {
    std::string where;
    for (const auto& listener : listeners_)
        where += (where.empty() ? "" : ", ") + listener.address().to_string();
    log::info("listening on {}, serving {}", where, root_->path());
    if (metrics_server_)
        log::info("metrics: {}", metrics_server_->address());
    notify_service_manager("READY=1");

    std::array<epoll_event, 128> events;
    auto now = Clock::now();
    while (!stopping_) {
        const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                     timers_.wait_ms(now, lines_.tells_at()));
        now = Clock::now();
        for (int i = 0; i < count; ++i) {
            const auto id = events[static_cast<std::size_t>(i)].data.u64;
            const auto what = events[static_cast<std::size_t>(i)].events;
            if (id < first_listener_id)
                sources_[id]();
            else if (id < first_listener_id + listeners_.size())
                on_listener(id - first_listener_id, what, now);
            else
                on_transfer(id, what, now, count == 1 && running_.size() == 1);
        }
        on_timers(now);
        if (const auto left_out = lines_.take_left_out(now))
            log::warning("{} lines about transfers were left out: more than {} about one client or "
                         "{} in all within {} seconds",
                         left_out, LineBudget::max_lines_per_address, LineBudget::max_lines,
                         LineBudget::period.count());
    }

    notify_service_manager("STOPPING=1");
    for (auto& [id, running] : running_)
        if (running->transfer)
            running->transfer->abort({ErrorCode::undefined, "server shutting down"},
                                     "ended by the server's shutdown");
        else if (running->superseded)
            continue;
        else if (const auto channel = channel_to(*running))
            channel->send(build_error({ErrorCode::undefined, "server shutting down"}), 0);
    log::info("ended by a signal");
}

void Server::watch(int fd, std::uint64_t id, std::uint32_t events, bool already_watched) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    epoll_ctl(epoll_.get(), already_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
}

void Server::watch_also(int fd, std::function<void()> on_readable) {
    if (sources_.size() == first_listener_id)
        throw StartError("too many things to watch");
    sources_.push_back(std::move(on_readable));
    watch(fd, sources_.size() - 1, EPOLLIN);
}

void Server::on_signal() {
    signalfd_siginfo info{};
    if (read(signals_.get(), &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo != SIGHUP) {
        stopping_ = true;
        return;
    }
    // Each request opens the root anew, so there is nothing to do but to say whether that still
    // works.
    try {
        root_->check();
        log::info("SIGHUP: serving {}", root_->path());
    } catch (const StartError& error) {
        log::error("SIGHUP: {}", error.what());
    }
    if (reload_)
        reload_();
}

void Server::on_listener(std::size_t index, std::uint32_t events, TimePoint now) {
    if (events & EPOLLOUT) {
        watch(listeners_[index].fd(), first_listener_id + index, EPOLLIN, true);
        for (const auto id : std::exchange(blocked_[index], {}))
            on_transfer(id, EPOLLOUT, now, false);
    }
    bool more = true;
    const int most = settings_.single_port ? packets_per_turn : requests_per_turn;
    for (int i = 0; more && i < most; ++i)
        if (const auto received = listeners_[index].receive(request_buffer_, more))
            on_datagram(index, *received, now);
}

void Server::on_transfer(std::uint64_t id, std::uint32_t events, TimePoint now, bool alone) {
    const auto found = running_.find(id);
    if (found == running_.end() || !found->second->transfer)
        return;
    auto& running = *found->second;
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        running.transfer->on_readable(batch_, now, alone ? now + turn_of_only_transfer : now);
    if ((events & EPOLLOUT) && !running.transfer->ended())
        running.transfer->on_writable(batch_, now);
    settle(id, running);
}

void Server::on_timers(TimePoint now) {
    // Those that are there now: whatever becomes due by what is done here has its turn after what
    // has come in meanwhile.
    for (auto left = timers_.size(); left > 0; --left) {
        const auto due = timers_.take_due(now);
        if (!due)
            return;
        const auto found = running_.find(due->id);
        if (found == running_.end() || found->second->timer != due->when)
            continue; // ended, or an entry that an earlier one has replaced
        auto& running = *found->second;
        running.timer = TimePoint::max();
        running.transfer->on_deadline(batch_, now); // does nothing if it was put off meanwhile
        settle(due->id, running);
    }
}

// After anything has happened to a transfer: forgets it, or waits for what it waits for.
void Server::settle(std::uint64_t id, Running& running) {
    auto& transfer = *running.transfer;
    if (!running.heard && transfer.heard()) {
        running.heard = true;
        admission_.acknowledged(running.conversation.client, Clock::now());
    }
    if (transfer.refused())
        admission_.refused(running.conversation.client, Clock::now());
    if (transfer.outcome() == Outcome::forged)
        admission_.distrust(running.conversation.client, Clock::now());
    if (transfer.ended())
        return forget(id, running);
    // Mostly the deadline has moved away; then the earlier entry stays, and looks again when it is
    // due.
    if (transfer.deadline() < running.timer) {
        running.timer = transfer.deadline();
        timers_.add(running.timer, id);
        if (timers_.size() > 1000 + 4 * running_.size())
            timers_.keep_if([this](const TimerQueue::Entry& entry) {
                const auto found = running_.find(entry.id);
                return found != running_.end() && found->second->timer == entry.when;
            });
    }
    const bool wants_to_write = transfer.wants_to_write();
    if (!transfer.channel().is_own()) {
        if (wants_to_write) {
            blocked_[running.listener].push_back(id);
            watch(transfer.channel().fd(), first_listener_id + running.listener, EPOLLIN | EPOLLOUT,
                  true);
        }
    } else if (wants_to_write != running.armed_for_writing) {
        running.armed_for_writing = wants_to_write;
        watch(transfer.channel().fd(), id, wants_to_write ? EPOLLIN | EPOLLOUT : EPOLLIN, true);
    }
}

void Server::forget(std::uint64_t id, Running& running) {
    if (running.transfer) {
        count(*running.transfer);
        if (ended_)
            ended_({id, running.conversation.client, *running.transfer});
    }
    admission_.leave(running.conversation.client);
    const auto known = conversations_.find(running.conversation);
    if (running.superseded) {
        if (known != conversations_.end())
            if (auto& successor = *running_.at(known->second); successor.before == id)
                successor.before = 0;
    } else if (known != conversations_.end()) {
        conversations_.erase(known);
    }
    running_.erase(id);
}

void Server::on_data(std::uint64_t id) {
    const auto found = running_.find(id);
    if (found == running_.end() || !found->second->transfer)
        return;
    auto& running = *found->second;
    running.transfer->on_data(batch_, Clock::now());
    settle(id, running);
}

void Server::count(const Transfer& transfer) {
    metrics_.sent_bytes += transfer.sent_bytes();
    metrics_.repeated_packets += transfer.repeated_packets();
    switch (transfer.outcome()) {
    case Outcome::finished:
        ++metrics_.transfers_finished;
        break;
    case Outcome::enough:
        ++metrics_.transfers_enough;
        break;
    case Outcome::client_left:
        ++metrics_.transfers_left;
        break;
    case Outcome::gave_up:
        ++metrics_.transfers_silent;
        break;
    case Outcome::file_failed:
        ++metrics_.transfers_failed;
        break;
    case Outcome::forged:
        ++metrics_.transfers_forged;
        break;
    case Outcome::stopped:
    case Outcome::running:
        ++metrics_.transfers_stopped;
        break;
    }
}

Metrics Server::metrics_now() const {
    Metrics result = metrics_;
    result.running = running_.size();
    result.cached_bytes = cache_.bytes();
    result.chunks_read = cache_.chunks_read();
    return result;
}

} // namespace bootview::tftp
