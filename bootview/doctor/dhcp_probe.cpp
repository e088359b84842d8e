#include "bootview/doctor/dhcp_probe.h"

#include "common/descriptor.h"
#include "tftp-bridge/dhcp/udp_frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

using dhcp::Code;
using Clock = std::chrono::steady_clock;

// Servers look whether an address is free before they offer it: dnsmasq for up to 3 seconds.
constexpr std::chrono::milliseconds patience{7000};
constexpr std::chrono::milliseconds further_answers{1200};

constexpr auto subnet_mask = static_cast<Code>(1);       // RFC 2132 §3.3
constexpr auto tftp_server_name = static_cast<Code>(66); // RFC 2132 §9.4

void add(dhcp::Message& message, Code code, std::vector<std::uint8_t> value) {
    message.options.push_back({code, std::move(value)});
}

std::uint32_t hex(const std::string& text) {
    std::uint32_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return value;
}

bool gives_address(const DhcpAnswer& answer) {
    return !answer.message.your.is_zero();
}

// Would a machine that boots take this for what to load, and from where?
bool says_what_to_load(const DhcpAnswer& answer) {
    const auto& message = answer.message;
    return !message.file.empty() || message.find(Code::boot_file) ||
           message.find(tftp_server_name) || message.find(Code::vendor_specific);
}

// The name of the file, or the options that lead to one.
std::string what_to_load(const DhcpAnswer& answer) {
    const std::string file = boot_file_of(answer.message);
    return file.empty() ? "option 43 or 66" : file;
}

// A packet of whole IPv4 to the client's port: what a socket does not get while it has no address.
std::optional<DhcpAnswer> reply_in(dhcp::Bytes datagram, dhcp::Ipv4 from,
                                   std::span<const dhcp::Message> discovers) {
    const auto message = dhcp::parse_message(datagram);
    if (!message || message->operation != dhcp::Operation::reply ||
        std::none_of(discovers.begin(), discovers.end(), [&](const dhcp::Message& discover) {
            return discover.transaction == message->transaction;
        }))
        return std::nullopt;
    return DhcpAnswer{from, *message, {}};
}

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

class Wire {
public:
    explicit Wire(const dhcp::Interface& interface)
        : udp_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
          packets_(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP))) {
        const int on = 1;
        if (!udp_ || !packets_ ||
            ::setsockopt(udp_.get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on) != 0 ||
            ::setsockopt(udp_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
            ::setsockopt(udp_.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.name.c_str(),
                         static_cast<socklen_t>(interface.name.size())) != 0)
            fail("socket");
        sockaddr_in own{};
        own.sin_family = AF_INET;
        own.sin_port = htons(dhcp::client_port);
        // A DHCP client of this machine may have it; then the packets are all there is.
        if (::bind(udp_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 &&
            errno != EADDRINUSE)
            fail("port 68");
        sockaddr_ll link{};
        link.sll_family = AF_PACKET;
        link.sll_protocol = htons(ETH_P_IP);
        link.sll_ifindex = interface.index;
        if (::bind(packets_.get(), reinterpret_cast<const sockaddr*>(&link), sizeof link) != 0)
            fail("packet socket");
    }

    // By an ordinary socket, so that servers of this very machine hear it too.
    void send(const dhcp::Message& message) const {
        const auto datagram = dhcp::write_message(message);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(dhcp::server_port);
        to.sin_addr.s_addr = INADDR_BROADCAST;
        if (::sendto(udp_.get(), datagram.data(), datagram.size(), 0,
                     reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0)
            fail("DHCPDISCOVER");
    }

    std::optional<DhcpAnswer> receive(std::span<const dhcp::Message> discovers,
                                      Clock::time_point until) const {
        while (true) {
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
            std::array<pollfd, 2> waiting{{{udp_.get(), POLLIN, 0}, {packets_.get(), POLLIN, 0}}};
            if (left.count() <= 0 ||
                ::poll(waiting.data(), waiting.size(), static_cast<int>(left.count())) <= 0)
                return std::nullopt;
            std::array<std::uint8_t, dhcp::max_message_bytes> buffer;
            if (waiting[0].revents != 0) {
                sockaddr_in from{};
                socklen_t length = sizeof from;
                const auto n = ::recvfrom(udp_.get(), buffer.data(), buffer.size(), 0,
                                          reinterpret_cast<sockaddr*>(&from), &length);
                if (n > 0)
                    if (auto reply =
                            reply_in(dhcp::Bytes(buffer).first(static_cast<std::size_t>(n)),
                                     {ntohl(from.sin_addr.s_addr)}, discovers))
                        return reply;
            }
            if (waiting[1].revents != 0) {
                const auto n = ::recv(packets_.get(), buffer.data(), buffer.size(), 0);
                const auto frame = n > 0 ? dhcp::parse_udp_frame(dhcp::Bytes(buffer).first(
                                               static_cast<std::size_t>(n)))
                                         : std::nullopt;
                if (frame && frame->to_port == dhcp::client_port)
                    if (auto reply = reply_in(frame->payload, frame->from, discovers))
                        return reply;
            }
        }
    }

private:
    Descriptor udp_;
    Descriptor packets_;
};

} // namespace

dhcp::Message discover_of(const Asker& asker) {
    dhcp::Message message;
    message.transaction = static_cast<std::uint32_t>(::getpid()) << 8 | 0xb0000000U |
                          static_cast<std::uint32_t>(asker.architecture) << 1 |
                          (asker.is_ipxe ? 1U : 0U);
    message.flags = dhcp::broadcast_flag;
    std::copy(asker.mac.bytes.begin(), asker.mac.bytes.end(), message.hardware.begin());
    add(message, Code::message_type, {static_cast<std::uint8_t>(dhcp::MessageType::discover)});
    if (asker.pi_serial) {
        // As the EEPROM of a Pi 4 (tftp-bridge/dhcp/machine.h says how it is known by that).
        add(message, Code::parameter_list,
            {1, 3, 43, 60, 67, 128, 129, 130, 131, 132, 133, 134, 135, 66});
        std::vector<std::uint8_t> identifier{0, 'R', 'P', 'i', '4', 0x14, 0x31, 0xc0, 0};
        identifier.insert(identifier.end(), asker.mac.bytes.end() - 4, asker.mac.bytes.end());
        const std::uint32_t serial = hex(*asker.pi_serial);
        for (int shift = 0; shift < 32; shift += 8)
            identifier.push_back(static_cast<std::uint8_t>(serial >> shift));
        add(message, Code::machine_identifier, std::move(identifier));
    } else {
        add(message, Code::max_message_size, {0x05, 0xc0});
        add(message, Code::parameter_list,
            {1, 3, 43, 54, 60, 66, 67, 128, 129, 130, 131, 132, 133, 134, 135});
        std::vector<std::uint8_t> identifier(17, 0);
        std::copy(asker.mac.bytes.begin(), asker.mac.bytes.end(), identifier.end() - 6);
        add(message, Code::machine_identifier, std::move(identifier));
    }
    const auto architecture = static_cast<std::uint16_t>(asker.architecture);
    const bool uefi = dhcp::is_uefi(asker.architecture);
    add(message, Code::architecture,
        {static_cast<std::uint8_t>(architecture >> 8), static_cast<std::uint8_t>(architecture)});
    if (asker.is_ipxe)
        add(message, Code::user_class, dhcp::value_of("iPXE"));
    // UNDI 2.1 of a BIOS's card; 3.16, as OVMF says.
    if (uefi)
        add(message, Code::network_interface, {1, 3, 16});
    else
        add(message, Code::network_interface, {1, 2, 1});
    add(message, Code::vendor_class,
        dhcp::value_of(
            fmt::format("PXEClient:Arch:{:05}:UNDI:{}", architecture, uefi ? "003016" : "002001")));
    return message;
}

std::vector<DhcpAnswer> ask_dhcp(const dhcp::Interface& interface,
                                 std::span<const dhcp::Message> discovers, bool expect_proxy) {
    const Wire wire{interface};
    const auto send = [&] {
        for (const dhcp::Message& discover : discovers)
            wire.send(discover);
    };
    const auto begun = Clock::now();
    send();
    std::vector<DhcpAnswer> answers;
    // A server and a proxy may share a machine.
    std::set<std::tuple<dhcp::Ipv4, bool, std::uint32_t>> seen;
    const auto end = Clock::now() + patience;
    auto until = Clock::now() + patience / 2;
    bool asked_again = false;
    bool has_address = false;
    bool has_proxy = false;
    while (true) {
        auto answer = wire.receive(discovers, until);
        const bool has_all = has_address && (has_proxy || !expect_proxy);
        if (!answer) {
            if (asked_again || has_all)
                return answers;
            send(); // as a ROM does: a packet may be lost
            asked_again = true;
            until = end;
            continue;
        }
        (gives_address(*answer) ? has_address : has_proxy) = true;
        if (!has_all && has_address && (has_proxy || !expect_proxy))
            until = std::min(end, Clock::now() + further_answers);
        answer->time = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun);
        if (seen.emplace(answer->from, gives_address(*answer), answer->message.transaction).second)
            answers.push_back(std::move(*answer));
    }
}

std::string boot_file_of(const dhcp::Message& answer) {
    if (!answer.file.empty())
        return answer.file;
    const auto file = answer.find(Code::boot_file);
    const std::string text = file ? std::string(file->begin(), file->end()) : std::string{};
    return text.substr(0, text.find('\0'));
}

void judge_dhcp(const std::vector<DhcpAnswer>& answers, const Network& network, bool expect_proxy,
                Findings& findings) {
    const std::size_t before = findings.all().size();
    const dhcp::Interface* const interface = network.interface();
    const std::string where = interface != nullptr ? interface->name : "network";
    std::vector<const DhcpAnswer*> servers;
    std::set<std::pair<dhcp::Ipv4, bool>> judged; // who answers several askers, once
    bool our_proxy = false;
    for (const DhcpAnswer& answer : answers) {
        if (!judged.emplace(answer.from, gives_address(answer)).second)
            continue;
        const std::string who = fmt::format("DHCP server {}", answer.from.to_string());
        if (gives_address(answer)) {
            servers.push_back(&answer);
            if (says_what_to_load(answer) && !network.serves_on(answer.message.server))
                findings.warn("dhcp-server-sends-pxe", who,
                              fmt::format("tells machines itself what to load ({}); some will take "
                                          "that",
                                          what_to_load(answer)),
                              "bootview serve IMAGE # without --dhcp-proxy, its options changed to "
                              "this machine");
        } else if (network.serves_on(answer.from)) {
            our_proxy = true;
        } else {
            findings.fail("dhcp-other-proxy", fmt::format("DHCP proxy {}", answer.from.to_string()),
                          "another one tells machines what to load; the first to answer wins",
                          fmt::format("ssh {} systemctl stop dnsmasq", answer.from.to_string()));
        }
    }
    if (servers.empty())
        findings.fail("dhcp-server-missing", where,
                      "no DHCP server gives machines an address; the proxy gives none",
                      interface != nullptr && !interface->addresses.empty()
                          ? fmt::format("dnsmasq --port=0 --interface={} --dhcp-range={},{}", where,
                                        dhcp::Ipv4{(interface->addresses.front().address.value &
                                                    interface->addresses.front().mask.value) |
                                                   100}
                                            .to_string(),
                                        dhcp::Ipv4{(interface->addresses.front().address.value &
                                                    interface->addresses.front().mask.value) |
                                                   199}
                                            .to_string())
                          : "apt install dnsmasq");
    if (servers.size() > 1)
        findings.warn("dhcp-servers-several", where,
                      fmt::format("{} DHCP servers give addresses ({} and {})", servers.size(),
                                  servers[0]->from.to_string(), servers[1]->from.to_string()),
                      fmt::format("ssh {} systemctl stop dnsmasq", servers[1]->from.to_string()));
    for (const DhcpAnswer* const answer : servers) {
        const auto mask = answer->message.find(subnet_mask);
        if (!mask || mask->size() != 4 || interface == nullptr)
            continue;
        const dhcp::Ipv4 theirs{static_cast<std::uint32_t>((*mask)[0]) << 24 |
                                static_cast<std::uint32_t>((*mask)[1]) << 16 |
                                static_cast<std::uint32_t>((*mask)[2]) << 8 | (*mask)[3]};
        const auto near = std::find_if(interface->addresses.begin(), interface->addresses.end(),
                                       [&](const auto& own) {
                                           return (own.address.value & theirs.value) ==
                                                  (answer->message.your.value & theirs.value);
                                       });
        if (near == interface->addresses.end())
            findings.warn("dhcp-other-subnet", where,
                          fmt::format("machines get addresses like {}, and this machine has none "
                                      "in their network",
                                      answer->message.your.to_string()),
                          fmt::format("dhclient {}", where));
        else if (near->mask != theirs)
            findings.warn("dhcp-netmask-differs", where,
                          fmt::format("has the netmask {}, and machines are told {}",
                                      near->mask.to_string(), theirs.to_string()),
                          fmt::format("ip address add {0}/{1} dev {3} && ip address delete "
                                      "{0}/{2} dev {3}",
                                      near->address.to_string(), std::popcount(theirs.value),
                                      std::popcount(near->mask.value), where));
    }
    if (expect_proxy && !our_proxy)
        findings.fail("dhcp-proxy-silent", where,
                      "our own DHCP proxy did not answer a machine that boots",
                      "bootview serve --dhcp-proxy IMAGE");
    if (findings.all().size() == before)
        findings.fine("dhcp", where,
                      fmt::format("DHCP server {} gives addresses{}",
                                  servers.front()->from.to_string(),
                                  our_proxy ? ", our proxy says what to load" : ""));
}

} // namespace bootview::doctor
