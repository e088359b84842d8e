// boot-rom: speaks DHCP as boot ROMs do, for the scripts beside it; prints what comes back.
//
//     boot-rom INTERFACE ask MACHINE [EXPECTED]     DISCOVER without an address; EXPECTED answers
//     boot-rom INTERFACE silent MACHINE BARRIER     no answer to it before the one to BARRIER
//     boot-rom INTERFACE told MACHINE OWN           what it would load, asked to the end as ROMs do
//     boot-rom INTERFACE ask4011 MACHINE SERVER PORT  REQUEST from PORT to SERVER's 4011
//     boot-rom INTERFACE relay MACHINE SERVER OWN   as the relay agent OWN would pass it on
//     boot-rom INTERFACE lease SERVER               an ordinary client; prints its address
//     boot-rom INTERFACE renew ADDRESS SERVER       unicast to SERVER, half-way through a lease
//     boot-rom INTERFACE request MACHINE ADDRESS    with which a client takes an offer
//     boot-rom INTERFACE flood COUNT MACHINE        as many DISCOVERs as fast as it can
//     boot-rom INTERFACE load COUNT RATE MACHINE    RATE in a second, until each has its answer
//     boot-rom - activate PROGRAM ARGUMENT...       with sockets, as from a service manager
//
// MACHINE is one of tests/unit/dhcp/messages.h. One line for each answer, in the order of the
// packet's fields. The exit status is 1 if what was expected did not come.
#include "common/descriptor.h"
#include "messages.h"
#include "tftp-bridge/dhcp/port.h"
#include "tftp-bridge/dhcp/pxe_options.h"
#include "tftp-bridge/dhcp/udp_frame.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace bootview::dhcp {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds patience{30};

Message plain() {
    auto message = request_with("35 01 01 37 03 010306");
    message.hardware = {2, 0, 0, 0, 0, 0x77};
    return message;
}

// iPXE on the machine that has asked this.
Message ipxe_on(const Message& firmware) {
    auto message = ipxe_bios();
    message.hardware = firmware.hardware;
    return message;
}

// iPXE that UEFI firmware has started.
Message ipxe_x64() {
    auto message = ipxe_bios();
    for (auto& option : message.options)
        if (option.code == Code::architecture)
            option.value = {0, 7};
        else if (option.code == Code::vendor_class)
            option.value = value_of("PXEClient:Arch:00007:UNDI:003010");
    return message;
}

Message machine_named(const std::string& name) {
    static const std::map<std::string, std::function<Message()>> machines = {
        {"pi3", pi_3},
        {"pi3+", pi_3_plus},
        {"pi4", pi_4},
        {"pi5", pi_5},
        {"bios", pc_bios},
        {"ipxe", ipxe_bios},
        {"bios-ipxe", [] { return ipxe_on(pc_bios()); }}, // what "bios" has become
        {"plain", plain},
        {"ipxe-x64", ipxe_x64},
        {"ia32", [] { return edk2(6); }},
        {"x64", [] { return edk2(7); }},
        {"ebc", [] { return edk2(9); }},
        {"arm64", [] { return edk2(11); }},
        {"http", [] { return http_client(16); }},
    };
    return machines.at(name)();
}

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

// Whole packets, as a ROM that has no address yet.
class Wire {
public:
    explicit Wire(const std::string& interface)
        : index_(static_cast<int>(if_nametoindex(interface.c_str()))),
          fd_(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP))) {
        sockaddr_ll address = broadcast();
        if (index_ == 0 || !fd_ ||
            bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            fail(interface);
        const int room = 4 << 20;
        setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    }

    void send(const Message& message) {
        auto datagram = write_message(message);
        auto packet = build_udp_frame({{}, client_port, broadcast_address, server_port, datagram});
        packet[26] = packet[27] = 0; // no checksum, as the Pi 3
        const auto address = broadcast();
        if (sendto(fd_.get(), packet.data(), packet.size(), 0,
                   reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
            fail("send");
    }

    // The next answer to port 68 of a machine with this transaction; nothing when `until` is over.
    std::optional<std::pair<Ipv4, std::vector<std::uint8_t>>>
    receive(const std::vector<std::uint32_t>& transactions, Clock::time_point until) {
        while (auto answer = receive_reply(until))
            if (std::count(transactions.begin(), transactions.end(), answer->message.transaction))
                return std::pair{answer->from, std::move(answer->packet)};
        return std::nullopt;
    }
    // The transaction of the next one, of whichever machine.
    std::optional<std::uint32_t> receive_any(Clock::time_point until) {
        const auto answer = receive_reply(until);
        return answer ? std::optional(answer->message.transaction) : std::nullopt;
    }

private:
    struct Answer {
        Ipv4 from;
        std::vector<std::uint8_t> packet;
        Message message;
    };

    std::optional<Answer> receive_reply(Clock::time_point until) {
        while (true) {
            const auto left = std::chrono::nanoseconds(until - Clock::now()).count();
            const timespec wait{left / 1'000'000'000, left % 1'000'000'000};
            pollfd waiting{fd_.get(), POLLIN, 0};
            if (left <= 0 || ppoll(&waiting, 1, &wait, nullptr) <= 0)
                return std::nullopt;
            std::array<std::uint8_t, 2048> buffer;
            const auto length = recv(fd_.get(), buffer.data(), buffer.size(), 0);
            if (length <= 0)
                continue;
            const auto frame =
                parse_udp_frame(Bytes(buffer).first(static_cast<std::size_t>(length)));
            if (!frame || frame->to_port != client_port)
                continue;
            const auto message = parse_message(frame->payload);
            if (message && message->operation == Operation::reply)
                return Answer{
                    frame->from, {frame->payload.begin(), frame->payload.end()}, *message};
        }
    }

    sockaddr_ll broadcast() const {
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(ETH_P_IP);
        address.sll_ifindex = index_;
        address.sll_halen = ETH_ALEN;
        std::memset(address.sll_addr, 0xff, ETH_ALEN);
        return address;
    }

    int index_;
    Descriptor fd_;
};

void print(Ipv4 from, const std::vector<std::uint8_t>& packet) {
    const auto message = parse_message(packet).value();
    fmt::print("from={} your={} server={} relay={} flags={:04x} sname={} file={} {}\n",
               from.to_string(), message.your.to_string(), message.server.to_string(),
               message.relay.to_string(), message.flags, message.server_name, message.file,
               options_of(packet));
    std::fflush(stdout);
}

Message with_transaction(Message message, std::uint32_t transaction) {
    message.transaction = transaction;
    return message;
}

// Asks again every few seconds, as ROMs do. Each server's answers are printed once.
bool ask(const std::string& interface, const std::string& machine, unsigned expected) {
    Wire wire(interface);
    const auto message = with_transaction(machine_named(machine), 0x1001);
    const auto until = Clock::now() + patience;
    // Servers on one machine differ in that one gives an address.
    std::set<std::pair<Ipv4, bool>> answered;
    while (answered.size() < expected && Clock::now() < until) {
        wire.send(message);
        const auto again = std::min(until, Clock::now() + std::chrono::seconds(3));
        while (answered.size() < expected) {
            const auto answer = wire.receive({message.transaction}, again);
            if (!answer)
                break;
            const bool has_address = !parse_message(answer->second)->your.is_zero();
            if (answered.emplace(answer->first, has_address).second)
                print(answer->first, answer->second);
        }
    }
    return answered.size() == expected;
}

// Both questions take the same way, so when the second is answered the first has been decided on,
// but for what has to be looked up.
bool is_silent(const std::string& interface, const std::string& machine,
               const std::string& barrier) {
    Wire wire(interface);
    wire.send(with_transaction(machine_named(machine), 0x1001));
    wire.send(with_transaction(machine_named(barrier), 0x1002));
    const auto answer = wire.receive({0x1001, 0x1002}, Clock::now() + patience);
    if (!answer)
        return false;
    print(answer->first, answer->second);
    return parse_message(answer->second)->transaction == 0x1002;
}

// Ordinary sockets, for machines that have an address.
std::optional<std::pair<Ipv4, std::vector<std::uint8_t>>>
question_and_answer(const std::string& interface, Ipv4 own, std::uint16_t port, Ipv4 server,
                    std::uint16_t server_port_number, const Message& message) {
    const Descriptor fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(own.value);
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
               static_cast<socklen_t>(interface.size()));
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        fail("bind");
    const auto packet = write_message(message);
    address.sin_port = htons(server_port_number);
    address.sin_addr.s_addr = htonl(server.value);
    if (sendto(fd.get(), packet.data(), packet.size(), 0,
               reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        fail("send");
    pollfd waiting{fd.get(), POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(std::chrono::milliseconds(patience).count())) <= 0)
        return std::nullopt;
    std::vector<std::uint8_t> answer(2048);
    socklen_t length = sizeof address;
    const auto got = recvfrom(fd.get(), answer.data(), answer.size(), 0,
                              reinterpret_cast<sockaddr*>(&address), &length);
    answer.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return std::pair{Ipv4{ntohl(address.sin_addr.s_addr)}, answer};
}

std::optional<std::vector<std::uint8_t>> exchange(const std::string& interface, Ipv4 own,
                                                  std::uint16_t port, Ipv4 server,
                                                  std::uint16_t server_port_number,
                                                  const Message& message) {
    const auto answer =
        question_and_answer(interface, own, port, server, server_port_number, message);
    if (!answer)
        return std::nullopt;
    print(answer->first, answer->second);
    return answer->second;
}

// What option 43 says (PXE 2.1 §2.4): the lines of the menu, by the types that they stand for.
std::vector<std::pair<std::uint16_t, std::string>> menu_of(const Message& message) {
    std::vector<std::pair<std::uint16_t, std::string>> lines;
    const auto option = message.find(Code::vendor_specific);
    for (std::size_t at = 0; option && at + 1 < option->size() && (*option)[at] != 255;
         at += 2U + (*option)[at + 1])
        if ((*option)[at] == 9)
            for (std::size_t line = at + 2; line + 2 < at + 2U + (*option)[at + 1];
                 line += 3U + (*option)[line + 2])
                lines.emplace_back((*option)[line] << 8 | (*option)[line + 1],
                                   std::string(option->begin() + static_cast<long>(line) + 3,
                                               option->begin() + static_cast<long>(line) + 3 +
                                                   (*option)[line + 2]));
    return lines;
}

std::string file_in(const Message& message) {
    auto file = message.file;
    if (const auto option = message.find(Code::boot_file); file.empty() && option)
        file.assign(option->begin(), option->end());
    while (file.ends_with('\0'))
        file.pop_back();
    return file;
}

Ipv4 server_of(const Message& message) {
    const auto option = message.find(Code::server_identifier);
    if (!message.server.is_zero() || !option || option->size() != 4)
        return message.server;
    return {static_cast<std::uint32_t>((*option)[0]) << 24 |
            static_cast<std::uint32_t>((*option)[1]) << 16 |
            static_cast<std::uint32_t>((*option)[2]) << 8 | (*option)[3]};
}

// "10.77.0.2 pxelinux.0", each line of a menu, or "nothing".
bool told(const std::string& interface, const std::string& machine, Ipv4 own) {
    Wire wire(interface);
    const auto message = with_transaction(machine_named(machine), 0x1001);
    wire.send(message);
    wire.send(with_transaction(pi_4(), 0x1002)); // whom everybody answers
    std::optional<std::pair<Ipv4, std::vector<std::uint8_t>>> packet;
    for (auto until = Clock::now() + patience;
         const auto answer = wire.receive({0x1001, 0x1002}, until);) {
        if (parse_message(answer->second)->transaction == 0x1001) {
            packet = answer;
            break;
        }
        until =
            Clock::now() + std::chrono::milliseconds(300); // what has to be looked up comes later
    }
    if (!packet) {
        fmt::print("nothing\n");
        return true;
    }
    const auto offer = parse_message(packet->second).value();
    const bool is_uefi = machine_named(machine).find(Code::architecture)->back() >= 6;
    const auto request = as_type(message, MessageType::request, own);
    const auto ask_boot_server = [&](const Message& question) {
        const auto answer = question_and_answer(interface, own, client_port, packet->first,
                                                boot_server_port, question);
        return answer ? parse_message(answer->second) : std::nullopt;
    };
    auto last = offer;
    if (is_uefi && file_in(offer).empty() && offer.your.is_zero()) // a DHCP server has said all
        if (const auto answer = ask_boot_server(request))
            last = *answer;
    auto menu = menu_of(last);
    if (!machine.starts_with("pi")) // a PC gives up there
        std::erase_if(menu, [](const auto& line) { return line.second.starts_with("Raspberry"); });
    const auto show = [](const std::string& text, const Message& from) {
        fmt::print("{}{} {}\n", text, server_of(from).to_string(), file_in(from));
    };
    for (const auto& [type, text] : menu) {
        if (type > 0 && type < first_free_type)
            continue; // of a server elsewhere on the network
        auto choice = request;
        const auto byte = [](int value) { return static_cast<std::uint8_t>(value); };
        choice.options.push_back(
            {Code::vendor_specific, {71, 4, byte(type >> 8), byte(type), 0, 0, 255}});
        const auto answer = type == 0 ? std::nullopt : ask_boot_server(choice);
        if (type == 0)
            fmt::print("[{}] {}\n", text,
                       text.starts_with("Rasp") ? server_of(offer).to_string() : "local");
        else if (answer)
            show(menu.size() == 1 ? "" : fmt::format("[{}] ", text), *answer);
    }
    if (menu.empty() && file_in(last).empty())
        fmt::print("nothing\n");
    else if (menu.empty())
        show("", last);
    return true;
}

bool lease(const std::string& interface, Ipv4 server) {
    Wire wire(interface);
    auto message = with_transaction(plain(), 0x2001);
    const auto until = Clock::now() + patience;
    for (const auto type : {MessageType::discover, MessageType::request}) {
        auto question = as_type(message, type);
        wire.send(question);
        const auto answer = wire.receive({message.transaction}, until);
        if (!answer)
            return false;
        const auto parsed = parse_message(answer->second).value();
        if (type == MessageType::request) {
            fmt::print("{}\n", parsed.your.to_string());
            return parsed.type() == MessageType::ack;
        }
        message.options.push_back({Code::requested_address, value_of(parsed.your)});
        message.options.push_back({Code::server_identifier, value_of(server)});
    }
    return false;
}

bool flood(const std::string& interface, unsigned count, const std::string& machine) {
    Wire wire(interface);
    auto message = machine_named(machine);
    for (unsigned i = 0; i < count; ++i) {
        message.transaction = 0x10000 + i;
        message.hardware[3] = static_cast<std::uint8_t>(i >> 16);
        message.hardware[4] = static_cast<std::uint8_t>(i >> 8);
        message.hardware[5] = static_cast<std::uint8_t>(i);
        wire.send(message);
    }
    return true;
}

// COUNT machines, RATE of them in a second; those that get no answer ask again, as ROMs do. What it
// took is printed, and not judged.
bool load(const std::string& interface, unsigned count, unsigned rate, const std::string& machine) {
    Wire wire(interface);
    auto message = machine_named(machine);
    std::vector<Clock::time_point> sent(count);
    std::vector<bool> answered(count);
    unsigned answers = 0, again = 0;
    Clock::duration sum{}, slowest{};
    const auto take = [&](Clock::time_point until) {
        while (const auto transaction = wire.receive_any(until)) {
            const auto i = *transaction - 0x10000;
            if (i >= count || answered[i])
                continue;
            answered[i] = true;
            ++answers;
            const auto latency = Clock::now() - sent[i];
            sum += latency;
            slowest = std::max(slowest, latency);
        }
    };
    const auto begun = Clock::now();
    for (int round = 0; round < 5 && answers < count; ++round) {
        const auto begun_round = Clock::now();
        unsigned asked = 0;
        for (unsigned i = 0; i < count; ++i) {
            if (answered[i])
                continue;
            again += round > 0;
            message.transaction = 0x10000 + i;
            message.hardware[4] = static_cast<std::uint8_t>(i >> 8);
            message.hardware[5] = static_cast<std::uint8_t>(i);
            sent[i] = Clock::now();
            wire.send(message);
            take(begun_round + std::chrono::microseconds(1'000'000ULL * ++asked / rate));
        }
        for (const auto last = Clock::now() + std::chrono::seconds(2);
             answers < count && Clock::now() < last;)
            take(Clock::now() + std::chrono::milliseconds(20));
    }
    const auto in_ms = [](Clock::duration time) {
        return std::chrono::duration<double, std::milli>(time).count();
    };
    fmt::print(
        "{} of {} answered in {:.0f} ms, {} asked again; mean {:.2f} ms, slowest {:.1f} ms\n",
        answers, count, in_ms(Clock::now() - begun), again, in_ms(sum) / std::max(answers, 1U),
        in_ms(slowest));
    return answers == count;
}

Descriptor open_tftp_socket() {
    Descriptor fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(69);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        fd.reset();
    return fd;
}

// Descriptors from 3 on, as systemd.socket(5) would open them.
[[noreturn]] void activate(char** command) {
    std::array<Descriptor, 3> sockets = {open_broadcast_socket(""), open_boot_server_socket(),
                                         open_tftp_socket()};
    std::array<int, 3> away{}; // first, wherever they are
    for (std::size_t i = 0; i < sockets.size(); ++i)
        if (!sockets[i] || (away[i] = fcntl(sockets[i].release(), F_DUPFD, 10)) < 0)
            fail("sockets");
    for (std::size_t i = 0; i < sockets.size(); ++i)
        if (const int wanted = 3 + static_cast<int>(i); dup2(away[i], wanted) != wanted)
            fail("dup2");
    for (const int fd : away)
        close(fd);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", "3", 1);
    setenv("LISTEN_FDNAMES", "dhcp:pxe:tftp", 1);
    execv(command[0], command);
    fail(command[0]);
}

bool run(const std::vector<std::string>& arguments) {
    const auto& interface = arguments.at(1);
    const auto& what = arguments.at(2);
    const auto argument = [&](std::size_t index) { return arguments.at(index); };
    const auto address = [&](std::size_t index) {
        return Ipv4::from_text(argument(index)).value();
    };
    if (what == "ask")
        return ask(interface, argument(3),
                   arguments.size() > 4 ? static_cast<unsigned>(std::stoul(argument(4))) : 1);
    if (what == "silent")
        return is_silent(interface, argument(3), argument(4));
    if (what == "told")
        return told(interface, argument(3), address(4));
    if (what == "ask4011")
        return exchange(interface, {}, static_cast<std::uint16_t>(std::stoul(argument(5))),
                        address(4), boot_server_port,
                        as_type(machine_named(argument(3)), MessageType::request))
            .has_value();
    if (what == "relay") {
        auto message = machine_named(argument(3));
        message.relay = address(5);
        message.hops = 1;
        message.options.push_back({Code::relay_agent, from_hex("0103616263")});
        return exchange(interface, address(5), server_port, address(4), server_port, message)
            .has_value();
    }
    if (what == "lease")
        return lease(interface, address(3));
    if (what == "renew")
        return exchange(interface, address(3), client_port, address(4), server_port,
                        as_type(plain(), MessageType::request, address(3)))
            .has_value();
    if (what == "request") {
        auto message = as_type(machine_named(argument(3)), MessageType::request);
        message.options.push_back({Code::requested_address, value_of(address(4))});
        Wire(interface).send(message);
        return true;
    }
    if (what == "load")
        return load(interface, static_cast<unsigned>(std::stoul(argument(3))),
                    static_cast<unsigned>(std::stoul(argument(4))), argument(5));
    if (what == "flood")
        return flood(interface, static_cast<unsigned>(std::stoul(argument(3))), argument(4));
    throw std::runtime_error("what? " + what);
}

} // namespace
} // namespace bootview::dhcp

int main(int argc, char** argv) {
    try {
        if (argc > 3 && std::string(argv[2]) == "activate")
            bootview::dhcp::activate(argv + 3);
        return bootview::dhcp::run({argv, argv + argc}) ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const std::exception& error) {
        fmt::print(stderr, "boot-rom: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
