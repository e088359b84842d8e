#include "tftp-bridge/dhcp/server.h"

#include "common/port_holder.h"
#include "tftp-bridge/tftp/log.h"
#include "tftp-bridge/tftp/start_error.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace bootview::dhcp {
namespace {

namespace log = tftp::log;

// A flood must not keep TFTP transfers waiting, nor fill the memory with answers to be sent later.
constexpr int requests_per_turn = 64;
constexpr std::size_t most_delayed = 1000;

std::string holder_of(std::uint16_t port) {
    const auto holder = find_port_holder(port, Transport::udp);
    return holder ? fmt::format(" by {} (process {})", holder->name, holder->pid) : "";
}

std::string why_not_port_67(const std::string& interface, int bind_error, int frame_error) {
    if (bind_error == EACCES)
        return fmt::format("{}: port 67 needs a privilege; run tftp-bridge as root or give it "
                           "CAP_NET_BIND_SERVICE",
                           interface);
    if (bind_error == EADDRINUSE)
        return fmt::format("{}: port 67 is taken{} and not shared, and whole packets cannot be "
                           "read: {}; give tftp-bridge CAP_NET_RAW, or let the DHCP server share "
                           "the port (dnsmasq: bind-interfaces), or let it send option 60 "
                           "\"PXEClient\" itself and use --no-67",
                           interface, holder_of(server_port), std::strerror(frame_error));
    return fmt::format("{}: cannot listen on port 67: {}", interface, std::strerror(bind_error));
}

// What a line is about. Nobody reads it, and it is made for each request.
std::string key_of(const Mac& mac, std::string_view about) {
    std::string key(mac.bytes.begin(), mac.bytes.end());
    return key.append(about);
}

} // namespace

Server::Server(ServerSettings settings, Machines machines, InheritedPorts inherited)
    : settings_(std::move(settings)), machines_(std::move(machines)),
      has_inherited_67_(!inherited.port_67.empty()), epoll_(epoll_create1(EPOLL_CLOEXEC)),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
    if (!epoll_ || !timer_)
        throw tftp::StartError(
            fmt::format("cannot set up the DHCP proxy: {}; raise the limit of open files",
                        std::strerror(errno)));
    for (const int fd : {timer_.get(), watch_.fd()}) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    }

    for (auto* sockets : {&inherited.port_67, &inherited.port_4011})
        for (auto& fd : *sockets) {
            if (!prepare_inherited_socket(fd.get()))
                throw tftp::StartError("a socket from the service manager is not for UDP over "
                                       "IPv4; write ListenDatagram=255.255.255.255:67 (dhcp) and "
                                       "ListenDatagram=0.0.0.0:4011 (pxe)");
            add(Port(std::move(fd),
                     sockets == &inherited.port_67 ? Way::broadcasts : Way::boot_server, 0));
        }
    if (inherited.port_4011.empty()) {
        auto fd = open_boot_server_socket();
        if (!fd)
            throw tftp::StartError(fmt::format(
                "cannot listen on port 4011: {}{}; end that program, or run without --dhcp-proxy",
                std::strerror(errno), errno == EADDRINUSE ? holder_of(boot_server_port) : ""));
        add(Port(std::move(fd), Way::boot_server, 0));
    }
    refresh_interfaces(true);
    for (const auto& name : settings_.interfaces)
        if (std::none_of(interfaces_.begin(), interfaces_.end(),
                         [&](const Interface& interface) { return interface.name == name; }))
            log::warning("--interface {}: it is not there, or not up; waiting for it", name);
}

std::string Server::describe() const {
    std::string names;
    for (const auto& interface : interfaces_)
        names += (names.empty() ? "" : ", ") + interface.name;
    return names.empty() ? "no interface yet" : names;
}

bool Server::is_wanted(const Interface& interface) const {
    if (!interface.up)
        return false;
    if (settings_.interfaces.empty())
        return interface.can_broadcast && !interface.addresses.empty();
    return std::find(settings_.interfaces.begin(), settings_.interfaces.end(), interface.name) !=
           settings_.interfaces.end();
}

const Interface* Server::interface_of(int index) const {
    const auto found =
        std::find_if(interfaces_.begin(), interfaces_.end(),
                     [&](const Interface& interface) { return interface.index == index; });
    return found == interfaces_.end() ? nullptr : &*found;
}

void Server::add(Port port) {
    const int fd = port.fd();
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    ports_.emplace(fd, std::move(port));
}

// An interface that is gone, or whose addresses are others, loses its ports; what is new gets some.
void Server::refresh_interfaces(bool at_start) {
    const auto before = std::exchange(interfaces_, {});
    for (auto& interface : list_interfaces())
        if (is_wanted(interface))
            interfaces_.push_back(std::move(interface));

    const auto stays = [&](int index) {
        const auto* now = interface_of(index);
        return now && std::find(before.begin(), before.end(), *now) != before.end();
    };
    std::erase_if(ports_, [&](const auto& entry) {
        const int index = entry.second.interface();
        return index != 0 && !stays(index);
    });
    for (const auto& interface : interfaces_)
        if (!stays(interface.index))
            open_ports_of(interface, at_start);
    if (!at_start && before != interfaces_)
        log::info("interfaces have changed: booting machines on {}", describe());
}

void Server::open_ports_of(const Interface& interface, bool at_start) {
    if (!settings_.port_67)
        return;
    if (!has_inherited_67_) {
        auto fd = open_broadcast_socket(interface.name);
        const int bind_error = errno;
        if (fd) {
            add(Port(std::move(fd), Way::broadcasts, interface.index));
        } else {
            if (bind_error == EADDRINUSE)
                fd = open_frame_socket(interface.index);
            if (fd) {
                log::info("{}: port 67 is taken{}; reading whole packets", interface.name,
                          holder_of(server_port));
                add(Port(std::move(fd), Way::frames, interface.index));
            } else {
                const auto why = why_not_port_67(interface.name, bind_error, errno);
                if (at_start)
                    throw tftp::StartError(why);
                log::warning("{}", why);
            }
        }
    }
    if (!settings_.relays)
        return;
    for (const auto& own : interface.addresses) {
        auto fd = open_relay_socket(interface.name, own.address);
        if (fd)
            add(Port(std::move(fd), Way::relays, interface.index));
        else
            log::warning("{}: cannot hear relay agents on {}: {}", interface.name,
                         own.address.to_string(), std::strerror(errno));
    }
}

void Server::handle(TimePoint now) {
    std::array<epoll_event, 16> events;
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    bool interfaces_changed = false;
    for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == watch_.fd()) {
            interfaces_changed = watch_.take_news();
        } else if (fd == timer_.get()) {
            std::uint64_t expired = 0;
            [[maybe_unused]] const auto got = read(fd, &expired, sizeof expired);
        } else if (const auto port = ports_.find(fd); port != ports_.end()) {
            on_port(port->second, now);
        }
    }
    // Last: it closes ports.
    if (interfaces_changed)
        refresh_interfaces(false);
    send_delayed(now);
    if (const auto kept_back = lines_.take_kept_back(now))
        log::info("{} more lines about DHCP requests were left out", kept_back);
}

void Server::on_port(const Port& port, TimePoint now) {
    bool more = true;
    for (int i = 0; more && i < requests_per_turn; ++i)
        if (const auto received = port.receive(buffer_, more))
            on_request(port, *received, now);
}

void Server::on_request(const Port& port, const Received& received, TimePoint now) {
    const auto* interface = interface_of(received.interface);
    if (!interface || received.from_port == 0)
        return;
    ++counters_.received;
    const auto message = parse_message(received.datagram);
    if (!message) {
        ++counters_.ignored[static_cast<std::size_t>(Silence::not_a_request)];
        log::debug("{}: {}: not a DHCP message", interface->name, received.from.to_string());
        return;
    }
    const auto machine = identify(*message).machine;
    const Asked asked{*message, machine};
    learn_from(asked, port.number());

    Arrival arrival;
    arrival.port = port.number();
    arrival.source = received.from;
    arrival.source_port = received.from_port;
    // Who asked one of our addresses gets the answer from there.
    const bool asked_ours =
        std::any_of(interface->addresses.begin(), interface->addresses.end(),
                    [&](const InterfaceAddress& own) { return own.address == received.to; });
    arrival.local = asked_ours ? received.to : interface->address_for(message->relay);

    // First without, or with what is known: most questions are about no files.
    bool wants_files = false;
    auto answered = answer(*message, arrival, settings_.answers, [&](const Machine& asking) {
        auto known = machines_.known_boot_files(asking);
        wants_files = !known;
        return std::move(known).value_or(BootFiles{});
    });
    if (wants_files)
        wait_for_boot_files({{received.datagram.begin(), received.datagram.end()},
                             arrival,
                             port.fd(),
                             interface->index},
                            *machine, now);
    else
        perform(port, interface->index, arrival.local, asked, std::move(answered), now);
}

void Server::wait_for_boot_files(Question question, const Machine& machine, TimePoint now) {
    // By its class too: from its ROM and from iPXE a machine is to load different files.
    const auto key =
        fmt::format("{} {} {} {}", machine.mac.to_string(), to_string(machine.boot_class),
                    to_string(machine.architecture), question.arrival.port);
    if (const auto known = waiting_.find(key); known != waiting_.end()) {
        known->second = std::move(question);
        return;
    }
    if (waiting_.size() == most_delayed) {
        if (lines_.allows("waiting", now))
            log::warning("{} machines wait to be told what to boot, because the file system of "
                         "--root does not answer; others get no answer",
                         waiting_.size());
        return;
    }
    waiting_.emplace(key, std::move(question));
    machines_.find_boot_files(machine, [this, key](const BootFiles& files) {
        const auto asked = waiting_.extract(key).mapped();
        const auto* port = port_of(asked.port, asked.interface);
        if (const auto parsed = port ? parse_message(asked.datagram) : std::nullopt)
            perform(*port, asked.interface, asked.arrival.local,
                    {*parsed, identify(*parsed).machine},
                    answer(*parsed, asked.arrival, settings_.answers,
                           [&](const Machine&) { return files; }),
                    std::chrono::steady_clock::now());
    });
}

void Server::perform(const Port& port, int interface, Ipv4 local, const Asked& asked,
                     Answer answered, TimePoint now) {
    if (const auto* ignored = std::get_if<Ignored>(&answered)) {
        ++counters_.ignored[static_cast<std::size_t>(ignored->silence)];
        log_ignored(*ignored, asked.message, interface, now);
        return;
    }
    auto& reply = std::get<Reply>(answered);
    log_answered(reply, asked, interface, now);
    if (machines_.offered && asked.machine)
        machines_.offered(*asked.machine, interface_of(interface)->name, reply.what);
    if (reply.delay.count() == 0) {
        send(port, reply, interface, local);
    } else if (delayed_.size() < most_delayed) {
        const auto when = now + reply.delay;
        delayed_.emplace(when, Delayed{std::move(reply), port.fd(), interface, local});
        arm_timer(now);
    }
}

// Its interface may have gone meanwhile, and its descriptor be another's.
const Port* Server::port_of(int fd, int interface) const {
    const auto port = ports_.find(fd);
    const bool there = port != ports_.end() && interface_of(interface) &&
                       (port->second.interface() == 0 || port->second.interface() == interface);
    return there ? &port->second : nullptr;
}

// Which address a machine has: it says so to its DHCP server, in a broadcast, and to port 4011.
void Server::learn_from(const Asked& asked, std::uint16_t port) {
    const auto& message = asked.message;
    if (message.operation != Operation::request)
        return;
    if (asked.machine)
        machines_.learn(*asked.machine);
    if (message.type() != MessageType::request &&
        !(port == boot_server_port && message.type() == MessageType::inform))
        return;
    auto address = message.client;
    if (const auto requested = message.find(Code::requested_address);
        address.is_zero() && requested && requested->size() == 4)
        address = Ipv4{static_cast<std::uint32_t>((*requested)[0]) << 24 |
                       static_cast<std::uint32_t>((*requested)[1]) << 16 |
                       static_cast<std::uint32_t>((*requested)[2]) << 8 | (*requested)[3]};
    if (!address.is_zero())
        machines_.learn_address(message.mac(), address);
}

void Server::send(const Port& port, const Reply& reply, int interface, Ipv4 local) {
    const Port* by = &port;
    // Whole packets know no routes; to a relay agent another port has to send.
    if (port.way() == Way::frames && reply.to != broadcast_address)
        for (const auto& [fd, other] : ports_)
            if (other.way() == Way::relays && other.interface() == interface)
                by = &other;
    if (by->send(reply.packet, interface, local, reply.to, reply.to_port)) {
        ++counters_.answered;
        return;
    }
    ++counters_.not_sent;
    log::debug("cannot answer {}: {}", reply.to.to_string(), std::strerror(errno));
}

void Server::send_delayed(TimePoint now) {
    if (delayed_.empty())
        return;
    while (!delayed_.empty() && delayed_.begin()->first <= now) {
        const auto delayed = std::move(delayed_.begin()->second);
        delayed_.erase(delayed_.begin());
        if (const auto* port = port_of(delayed.port, delayed.interface))
            send(*port, delayed.reply, delayed.interface, delayed.local);
    }
    arm_timer(now);
}

void Server::arm_timer(TimePoint now) {
    itimerspec when{}; // zero: off
    if (!delayed_.empty()) {
        const auto wait = std::max<std::chrono::nanoseconds>(delayed_.begin()->first - now,
                                                             std::chrono::nanoseconds(1));
        when.it_value.tv_sec = wait.count() / 1'000'000'000;
        when.it_value.tv_nsec = wait.count() % 1'000'000'000;
    }
    timerfd_settime(timer_.get(), 0, &when, nullptr);
}

void Server::log_ignored(const Ignored& ignored, const Message& message, int interface,
                         TimePoint now) {
    // What is no boot at all, and what the DHCP server is meant for, is of interest to nobody.
    const bool usual = ignored.silence == Silence::not_a_request ||
                       ignored.silence == Silence::not_booting ||
                       ignored.silence == Silence::not_discover;
    const auto level = usual ? log::Level::debug : log::Level::info;
    if (!log::enabled(level))
        return;
    if (!usual && !lines_.allows(key_of(message.mac(), to_string(ignored.silence)), now))
        return;
    log::write(level, fmt::format("{} on {} gets no answer: {}", machines_.describe(message.mac()),
                                  interface_of(interface)->name, ignored.why));
}

void Server::log_answered(const Reply& reply, const Asked& asked, int interface, TimePoint now) {
    const auto mac = asked.message.mac();
    if (!lines_.allows(key_of(mac, reply.what), now))
        return;
    const auto& machine = asked.machine;
    log::info("{} on {}{}: offered {}", machines_.describe(mac), interface_of(interface)->name,
              machine ? fmt::format(" ({}, {})", to_string(machine->boot_class),
                                    to_string(machine->architecture))
                      : "",
              reply.what);
}

} // namespace bootview::dhcp
