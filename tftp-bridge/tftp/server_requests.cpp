// What the server does with a request: who may start a transfer, of what file, and what else is
// said.
#include "tftp-bridge/tftp/file_name.h"
#include "tftp-bridge/tftp/log.h"
#include "tftp-bridge/tftp/options.h"
#include "tftp-bridge/tftp/server.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace bootview::tftp {
namespace {

// How many silent transfers to end at once when there is no room for a new one.
constexpr std::size_t most_ended_at_once = 64;

std::optional<Mode> mode_of(const Request& request) {
    if (equal_ignoring_case(request.mode, "octet"))
        return Mode::octet;
    if (equal_ignoring_case(request.mode, "netascii"))
        return Mode::netascii;
    return std::nullopt;
}

// What can be said about a request before its file is looked at.
std::optional<Refusal> reason_to_refuse(const Request& request) {
    if (request.opcode == Opcode::wrq)
        return Refusal{ErrorCode::access_violation, "this server is read-only"};
    if (!mode_of(request))
        return Refusal{ErrorCode::illegal_operation, "unknown mode, use octet (binary)"};
    return std::nullopt;
}

} // namespace

void Server::on_datagram(std::size_t listener, const ReceivedRequest& received, TimePoint now) {
    const auto opcode = parse_opcode(received.datagram);
    if (!opcode || received.datagram.size() > max_request_bytes)
        return;
    if (*opcode >= static_cast<std::uint16_t>(Opcode::data) &&
        *opcode <= static_cast<std::uint16_t>(Opcode::oack))
        return on_stray(listener, received, now);
    ++metrics_.requests;
    if (const auto request = parse_request(received.datagram))
        return on_request(listener, received, *request, now);
    refuse({{received.client, received.local}, {}, listener, received.interface},
           {ErrorCode::illegal_operation, "not a TFTP request"}, "");
}

// What belongs to a transfer has no business on the port for requests, unless that is the only one:
// it may be a late packet of one that is over. An ERROR is never answered (RFC 1350 §7), or two
// servers could keep each other busy.
void Server::on_stray(std::size_t listener, const ReceivedRequest& received, TimePoint now) {
    if (!settings_.single_port)
        return;
    const auto known = conversations_.find({received.client, received.local});
    if (known != conversations_.end()) {
        const auto id = known->second;
        auto& running = *running_.at(id);
        if (!running.transfer)
            return;
        running.transfer->on_datagram(received.datagram, batch_, now);
        return settle(id, running);
    }
    if (!parse_ack(received.datagram) || now - last_stray_answer_ < std::chrono::milliseconds(100))
        return;
    last_stray_answer_ = now;
    Channel(listeners_[listener].fd(), received.local, received.client, received.interface)
        .send(build_error({ErrorCode::unknown_transfer, "no such transfer"}), 0);
}

void Server::on_request(std::size_t listener, const ReceivedRequest& received,
                        const Request& request, TimePoint now) {
    const Conversation conversation{received.client, received.local};
    Running asked{conversation, {}, listener, received.interface};
    const auto known = conversations_.find(conversation);
    if (known != conversations_.end()) {
        const auto id = known->second;
        auto& running = *running_.at(id);
        const bool repeated = std::equal(received.datagram.begin(), received.datagram.end(),
                                         running.request.begin(), running.request.end());
        if (!running.transfer) {
            if (repeated)
                return; // the answer is on its way
            if (running.before != 0) {
                running.wish.assign(received.datagram.begin(), received.datagram.end());
                return;
            }
            asked.before = id;
            supersede(id);
        } else {
            // It may have ended this one before; that waits in the transfer's own socket.
            if (running.transfer->channel().is_own())
                running.transfer->on_readable(batch_, now, now);
            if (!running.transfer->ended()) {
                if (repeated && running.transfer->repeat_first(batch_, now))
                    return settle(id, running);
                running.transfer->abandon("the client has asked for something else");
            }
            settle(id, running);
        }
    }

    asked.request.assign(received.datagram.begin(), received.datagram.end());
    ask(std::move(asked), request, now);
}

// The opening of `id` goes on, for nobody.
void Server::supersede(std::uint64_t id) {
    auto& running = *running_.at(id);
    running.superseded = true;
    conversations_.erase(running.conversation);
}

void Server::ask(Running asked, const Request& request, TimePoint now) {
    const auto name = clean_name(request.name);
    const auto mode = mode_of(request);
    const auto client = asked.conversation.client;
    if (const auto refusal = reason_to_refuse(request))
        return refuse(asked, *refusal, name);
    if (!make_room(client, now))
        return;
    const auto id = next_id_++;
    conversations_.emplace(asked.conversation, id);
    running_.emplace(id, std::make_unique<Running>(std::move(asked)));
    admission_.enter(client);
    locate_(client, name, [this, id, mode = *mode](Located located) {
        const auto found = running_.find(id);
        if (found == running_.end())
            return;
        if (found->second->superseded) // before its opening has begun
            return forget(id, *found->second);
        cache_.open(std::move(located.root), located.name, mode, id);
    });
}

// False if there is none: then the request is dropped. When all places are taken, it is mostly by
// clients that have gone without a word; these are ended before their time.
bool Server::make_room(const Endpoint& client, TimePoint now) {
    if (admission_.distrusted(client, now)) {
        busy("an address that is being forged", now);
        return false;
    }
    const auto verdict = admission_.ask(client, now);
    if (verdict == Admission::Verdict::free)
        return true;
    const bool in_all = verdict == Admission::Verdict::full;
    const auto why = in_all ? "--max-transfers is reached"
                     : verdict == Admission::Verdict::stranger_full
                         ? "a client that has acknowledged nothing asks for more and more"
                         : "--max-transfers-per-client is reached";
    auto& fruitless_until = in_all ? fruitless_until_ : fruitless_client_until_;
    if (now < fruitless_until && (in_all || fruitless_client_ == client.address)) {
        busy(why, now);
        return false;
    }
    std::vector<std::uint64_t> silent;
    for (const auto& [id, running] : running_)
        if (running->transfer &&
            (in_all || running->conversation.client.address == client.address)) {
            // What it has said may still wait in its socket.
            if (!in_all && running->transfer->channel().is_own())
                running->transfer->on_readable(batch_, now, now);
            if (!running->transfer->ended() && !running->transfer->silent() &&
                !(running->transfer->heard() && !running->heard))
                continue;
            silent.push_back(id);
            if (silent.size() == most_ended_at_once)
                break;
        }
    for (const auto id : silent) {
        auto& running = *running_.at(id);
        if (running.transfer->silent() && !running.transfer->ended())
            running.transfer->abandon("silent, made room for another client");
        settle(id, running);
    }
    if (!silent.empty())
        return true;
    fruitless_until = now + std::chrono::milliseconds(50);
    if (!in_all)
        fruitless_client_ = client.address;
    busy(why, now);
    return false;
}

void Server::on_opened(std::uint64_t id, FileCache::Opened opened) {
    const auto found = running_.find(id);
    if (found == running_.end())
        return;
    auto& running = *found->second;
    if (running.superseded)
        return forget(id, running);
    if (!running.wish.empty()) { // the client has asked for something else meanwhile
        Running asked{running.conversation, std::move(running.wish), running.listener,
                      running.interface};
        const auto before = running.before;
        forget(id, running);
        asked.before = running_.contains(before) ? before : 0;
        const std::vector<std::byte> datagram = asked.request; // what `request` views
        return ask(std::move(asked), *parse_request(datagram), Clock::now());
    }
    if (const auto* refusal = std::get_if<Refusal>(&opened)) {
        if (refusal->text.empty())
            busy("out of file descriptors or memory", Clock::now());
        else
            refuse(running, *refusal, clean_name(parse_request(running.request)->name));
        return forget(id, running);
    }
    start(id, running, std::move(std::get<std::shared_ptr<CachedFile>>(opened)));
}

void Server::start(std::uint64_t id, Running& running, std::shared_ptr<CachedFile> file) {
    const auto now = Clock::now();
    const auto request = parse_request(running.request); // views into running.request
    const auto name = clean_name(request->name);
    auto channel = channel_to(running);
    if (!channel) {
        busy(errno == EADDRINUSE ? "--port-range is used up" : std::strerror(errno), now);
        return forget(id, running);
    }
    const OptionLimits limits{most_block_bytes(*channel, running.conversation),
                              settings_.max_window_size};
    auto negotiated = negotiate(request->options, file->length(), limits);
    if (const auto* refusal = std::get_if<Refusal>(&negotiated)) {
        refuse(running, *refusal, name);
        return forget(id, running);
    }

    const auto block_size = std::get<Negotiated>(negotiated).block_size;
    if (begun_)
        begun_({id, running.conversation.client, name, file->length(), block_size});
    running.transfer.emplace(
        std::move(*channel), BlockSource(std::move(file), block_size, id),
        TransferParameters{running.conversation.client, printable(name),
                           std::move(std::get<Negotiated>(negotiated)), settings_.timeout,
                           settings_.retries, settings_.single_port || settings_.ports.guessable(),
                           &lines_});
    ++metrics_.transfers_begun;
    if (running.transfer->channel().is_own())
        watch(running.transfer->channel().fd(), id, EPOLLIN);
    running.transfer->start(batch_, now);
    settle(id, running);
}

std::uint32_t Server::most_block_bytes(const Channel& channel,
                                       const Conversation& conversation) const {
    if (settings_.max_block_size != 0)
        return settings_.max_block_size;
    // Only a connected socket knows its way.
    Descriptor connected;
    if (!channel.is_own())
        connected = open_transfer_socket(conversation.local, conversation.client);
    const auto fitting = largest_unfragmented_block(
        channel.is_own() ? channel.fd() : connected.get(), conversation.client.family);
    return std::min(fitting.value_or(1468), max_block_size); // 1468: Ethernet, IPv4
}

std::optional<Channel> Server::channel_to(const Running& running) const {
    const auto& [client, local] = running.conversation;
    if (settings_.single_port)
        return Channel(listeners_[running.listener].fd(), local, client, running.interface);
    auto socket = open_transfer_socket(local, client, settings_.ports);
    if (!socket)
        return std::nullopt;
    return Channel(std::move(socket), running.interface);
}

// From a port of its own too: a client may take the sender of the first answer for its partner.
void Server::refuse(const Running& running, Refusal refusal, std::string_view name) {
    if (const auto channel = channel_to(running))
        channel->send(build_error(refusal), 0);
    ++metrics_.errors.at(static_cast<std::size_t>(refusal.code));
    // Firmware tries dozens of names until it finds one.
    log::debug("{}: \"{}\": refused: {}", running.conversation.client.to_string(), printable(name),
               refusal.text);
    if (refused_ && !name.empty())
        refused_({running.conversation.client, name, refusal.text});
}

// No answer: the client takes it for a lost packet and asks again, which an ERROR would keep it
// from.
void Server::busy(std::string_view why, TimePoint now) {
    ++dropped_;
    ++metrics_.dropped_requests;
    if (last_busy_line_ != TimePoint::min() && now - last_busy_line_ < std::chrono::seconds(10))
        return;
    log::warning("too busy ({}), {} transfers are running: dropped {} requests", why,
                 running_.size(), dropped_);
    last_busy_line_ = now;
    dropped_ = 0;
}

} // namespace bootview::tftp
