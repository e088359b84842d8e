#include "tftp-bridge/tftp/server.h"

#include "common/service_notify.h"
#include "tftp-bridge/tftp/file_name.h"
#include "tftp-bridge/tftp/log.h"
#include "tftp-bridge/tftp/options.h"
#include "tftp-bridge/tftp/start_error.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace bootview::tftp {
namespace {

// Identifiers in epoll events: the signals, the listeners, and from there on the transfers, each
// with a number of its own for ever, so that an event for one that has just ended finds nobody.
constexpr std::uint64_t signals_id = 0;
constexpr std::uint64_t first_listener_id = 1;

// A flood of requests must not keep running transfers waiting.
constexpr int requests_per_turn = 32;

// Each transfer has a socket and a file; a few descriptors more for everything else.
void raise_descriptor_limit(std::uint32_t max_transfers) {
    const rlim_t wanted = rlim_t{max_transfers} * 2 + 64;
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

Descriptor take_over_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    return Descriptor(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

// What can be said about a request before its file is looked at.
std::optional<Refusal> reason_to_refuse(const Request& request) {
    if (request.opcode == Opcode::wrq)
        return Refusal{ErrorCode::access_violation, "this server is read-only"};
    if (equal_ignoring_case(request.mode, "netascii"))
        return Refusal{ErrorCode::illegal_operation,
                       "netascii is not supported, use octet (binary)"};
    if (!equal_ignoring_case(request.mode, "octet"))
        return Refusal{ErrorCode::illegal_operation, "unknown mode, use octet (binary)"};
    return std::nullopt;
}

} // namespace

Server::Server(ServerSettings settings)
    : settings_(std::move(settings)), root_(settings_.root), timers_(settings_.max_transfers) {
    root_.check();
    for (const auto& address : settings_.listen)
        listeners_.emplace_back(address);
    next_id_ = first_listener_id + listeners_.size();
    raise_descriptor_limit(settings_.max_transfers);
    transfers_.reserve(settings_.max_transfers);
    conversations_.reserve(settings_.max_transfers);

    signals_ = take_over_signals();
    epoll_ = Descriptor(epoll_create1(EPOLL_CLOEXEC));
    if (!signals_ || !epoll_)
        throw StartError(
            fmt::format("cannot set up the event loop: {}; raise the limit of open files",
                        std::strerror(errno)));
    watch(signals_.get(), signals_id, EPOLLIN, false);
    for (std::size_t i = 0; i < listeners_.size(); ++i)
        watch(listeners_[i].fd(), first_listener_id + i, EPOLLIN, false);
}

void Server::run() {
    std::string where;
    for (const auto& listener : listeners_)
        where += (where.empty() ? "" : ", ") + listener.address().to_string();
    log::info("listening on {}, serving {}", where, root_.path());
    notify_service_manager("READY=1");

    std::array<epoll_event, 128> events;
    auto now = Clock::now();
    while (!stopping_) {
        const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                     timers_.wait_ms(now));
        now = Clock::now();
        for (int i = 0; i < count; ++i) {
            const auto id = events[static_cast<std::size_t>(i)].data.u64;
            if (id == signals_id)
                on_signal();
            else if (id < first_listener_id + listeners_.size())
                on_listener(listeners_[id - first_listener_id], now);
            else
                on_transfer(id, events[static_cast<std::size_t>(i)].events, now);
        }
        on_timers(now);
    }

    notify_service_manager("STOPPING=1");
    for (auto& [id, running] : transfers_)
        running->transfer.abort({ErrorCode::undefined, "server shutting down"},
                                "ended by the server's shutdown");
    log::info("ended by a signal");
}

void Server::watch(int fd, std::uint64_t id, std::uint32_t events, bool already_watched) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    epoll_ctl(epoll_.get(), already_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
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
        root_.check();
        log::info("SIGHUP: serving {}", root_.path());
    } catch (const StartError& error) {
        log::error("SIGHUP: {}", error.what());
    }
}

void Server::on_listener(Listener& listener, TimePoint now) {
    bool more = true;
    for (int i = 0; more && i < requests_per_turn; ++i)
        if (const auto received = listener.receive(request_buffer_, more))
            on_request(*received, now);
}

void Server::on_transfer(std::uint64_t id, std::uint32_t events, TimePoint now) {
    const auto found = transfers_.find(id);
    if (found == transfers_.end())
        return;
    auto& running = *found->second;
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        running.transfer.on_readable(batch_, now);
    if ((events & EPOLLOUT) && !running.transfer.ended())
        running.transfer.on_writable(batch_, now);
    settle(id, running);
}

void Server::on_timers(TimePoint now) {
    while (const auto due = timers_.take_due(now)) {
        const auto found = transfers_.find(due->id);
        if (found == transfers_.end() || found->second->timer != due->when)
            continue; // ended, or an entry that an earlier one has replaced
        auto& running = *found->second;
        running.timer = TimePoint::max();
        running.transfer.on_deadline(batch_, now); // does nothing if it was put off meanwhile
        settle(due->id, running);
    }
}

// After anything has happened to a transfer: forgets it, or waits for what it waits for.
void Server::settle(std::uint64_t id, Running& running) {
    if (running.transfer.ended()) {
        conversations_.erase(running.conversation);
        transfers_.erase(id);
        return;
    }
    // Mostly the deadline has moved away; then the earlier entry stays, and looks again when it is
    // due.
    if (running.transfer.deadline() < running.timer) {
        running.timer = running.transfer.deadline();
        timers_.add(running.timer, id);
    }
    const bool wants_to_write = running.transfer.wants_to_write();
    if (wants_to_write != running.armed_for_writing) {
        running.armed_for_writing = wants_to_write;
        watch(running.transfer.fd(), id, wants_to_write ? EPOLLIN | EPOLLOUT : EPOLLIN, true);
    }
}

void Server::on_request(const ReceivedRequest& received, TimePoint now) {
    const auto opcode = parse_opcode(received.datagram);
    if (!opcode || received.datagram.size() > max_request_bytes)
        return;
    // What belongs to a transfer has no business here: it may be a late packet of one that is over.
    // An ERROR is never answered (RFC 1350 §7), or two servers could keep each other busy.
    if (*opcode >= static_cast<std::uint16_t>(Opcode::data) &&
        *opcode <= static_cast<std::uint16_t>(Opcode::oack))
        return;
    const auto request = parse_request(received.datagram);
    if (!request) {
        refuse(received, {ErrorCode::illegal_operation, "not a TFTP request"}, "");
        return;
    }

    const auto known = conversations_.find({received.client, received.local});
    if (known != conversations_.end()) {
        const auto id = known->second;
        auto& running = *transfers_.at(id);
        const bool repeated =
            running.transfer.absorb_repeated_request(received.datagram, batch_, now);
        if (!repeated)
            running.transfer.abandon("the client has asked for something else");
        settle(id, running);
        if (repeated)
            return;
    }
    begin(received, *request, now);
}

void Server::begin(const ReceivedRequest& received, const Request& request, TimePoint now) {
    const auto name = clean_name(request.name);
    if (const auto refusal = reason_to_refuse(request))
        return refuse(received, *refusal, name);
    if (transfers_.size() >= settings_.max_transfers)
        return busy("--max-transfers is reached", now);

    auto opened = root_.open(name);
    if (const auto* refusal = std::get_if<Refusal>(&opened)) {
        if (refusal->text.empty())
            return busy("out of file descriptors or memory", now);
        return refuse(received, *refusal, name);
    }
    auto& file = std::get<OpenFile>(opened);
    auto socket = open_transfer_socket(received.local, received.client);
    if (!socket)
        return busy(std::strerror(errno), now);

    OptionLimits limits;
    limits.window_size = settings_.max_window_size;
    limits.block_size = settings_.max_block_size;
    if (limits.block_size == 0)
        limits.block_size = largest_unfragmented_block(socket.get(), received.client.family)
                                .value_or(1468); // Ethernet, IPv4
    limits.block_size = std::min(limits.block_size, max_block_size);
    auto negotiated = negotiate(request.options, file.length, limits);
    if (const auto* refusal = std::get_if<Refusal>(&negotiated))
        return refuse(received, *refusal, name);

    const auto block_size = std::get<Negotiated>(negotiated).block_size;
    TransferParameters parameters{received.client,
                                  printable(name),
                                  {received.datagram.begin(), received.datagram.end()},
                                  std::move(std::get<Negotiated>(negotiated)),
                                  settings_.timeout,
                                  settings_.retries};
    const auto id = next_id_++;
    const Conversation conversation{received.client, received.local};
    auto running = std::make_unique<Running>(
        Running{Transfer(std::move(socket), BlockSource(std::move(file), block_size),
                         std::move(parameters)),
                conversation});
    auto& added = *transfers_.emplace(id, std::move(running)).first->second;
    conversations_.emplace(conversation, id);
    watch(added.transfer.fd(), id, EPOLLIN, false);
    added.transfer.start(batch_, now);
    settle(id, added);
}

// From a port of its own too: a client may take the sender of the first answer for its partner.
void Server::refuse(const ReceivedRequest& received, Refusal refusal, std::string_view name) {
    const auto packet = build_error(refusal);
    const auto socket = open_transfer_socket(received.local, received.client);
    if (socket)
        send(socket.get(), packet.data(), packet.size(), 0);
    // Firmware tries dozens of names until it finds one.
    log::debug("{}: \"{}\": refused: {}", received.client.to_string(), printable(name),
               refusal.text);
}

// No answer: the client takes it for a lost packet and asks again, which an ERROR would keep it
// from.
void Server::busy(std::string_view why, TimePoint now) {
    ++dropped_;
    if (last_busy_line_ != TimePoint::min() && now - last_busy_line_ < std::chrono::seconds(10))
        return;
    log::warning("too busy ({}), {} transfers are running: dropped {} requests", why,
                 transfers_.size(), dropped_);
    last_busy_line_ = now;
    dropped_ = 0;
}

} // namespace bootview::tftp
