#include "bootview/doctor/network.h"

#include "common/nearest_word.h"
#include "common/read_whole.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <sstream>

#include <unistd.h>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

constexpr dhcp::Ipv4 all_ones{0xffffffff};

bool is_loopback(dhcp::Ipv4 address) {
    return address.value >> 24 == 127;
}
bool is_link_local(dhcp::Ipv4 address) { // RFC 3927 §2.1
    return address.value >> 16 == 0xa9fe;
}
// What Docker (172.17.0.0/16 and up) and Podman (10.88.0.0/16) give to containers behind NAT.
bool is_of_container_bridge(dhcp::Ipv4 address) {
    const unsigned second = address.value >> 16;
    return (second >= 0xac11 && second <= 0xac1f) || second == 0x0a58;
}

bool is_usable(const dhcp::Interface& interface) {
    return interface.up && std::any_of(interface.addresses.begin(), interface.addresses.end(),
                                       [](const auto& a) { return !is_loopback(a.address); });
}

// Bridges that programs made for containers and virtual machines of this host.
bool is_for_guests(std::string_view name) {
    constexpr std::array prefixes{"docker", "br-",   "virbr",   "podman", "cni",
                                  "lxcbr",  "lxdbr", "incusbr", "veth",   "vnet"};
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](const char* prefix) { return name.starts_with(prefix); });
}

std::string with_prefix(const dhcp::InterfaceAddress& address, int bits) {
    return fmt::format("{}/{}", address.address.to_string(), bits);
}

void check_addresses(const Network& network, Findings& findings) {
    for (const auto& interface : network.interfaces)
        for (const auto& address : interface.addresses) {
            if (is_loopback(address.address))
                continue;
            const std::string thing =
                fmt::format("{} on {}", address.address.to_string(), interface.name);
            if (is_link_local(address.address))
                findings.warn("network-link-local", thing,
                              "is an address that the machine gave itself, for want of a DHCP "
                              "server; clients are probably in another network",
                              fmt::format("dhclient {}", interface.name));
            else if (address.mask == all_ones && interface.can_broadcast)
                findings.warn("network-netmask", thing,
                              "has the netmask 255.255.255.255: no client is in its network",
                              fmt::format("ip address add {} dev {} && ip address delete {} dev {}",
                                          with_prefix(address, 24), interface.name,
                                          with_prefix(address, 32), interface.name));
        }
}

} // namespace

std::string default_interface(std::string_view routes) {
    std::istringstream lines{std::string(routes)};
    std::string line;
    std::getline(lines, line); // the headings
    std::string best;
    unsigned long best_metric = 0;
    while (std::getline(lines, line)) {
        // Iface Destination Gateway Flags RefCnt Use Metric Mask ...
        std::istringstream fields(line);
        const std::vector<std::string> words{std::istream_iterator<std::string>(fields), {}};
        if (words.size() < 8 || words[1] != "00000000" || words[7] != "00000000")
            continue;
        const unsigned long metric = std::strtoul(words[6].c_str(), nullptr, 10);
        if (best.empty() || metric < best_metric) {
            best = words[0];
            best_metric = metric;
        }
    }
    return best;
}

bool Network::serves_on(dhcp::Ipv4 address) const {
    if (!listen.is_any() && !listen.is_ipv6())
        return listen.text == address.to_string();
    return std::any_of(interfaces.begin(), interfaces.end(), [&](const auto& interface) {
        return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                           [&](const auto& own) { return own.address == address; });
    });
}

bool Network::is_wanted(const dhcp::Interface& interface) const {
    return wanted.empty() ||
           std::find(wanted.begin(), wanted.end(), interface.name) != wanted.end();
}

const dhcp::Interface* Network::interface() const {
    const auto matches = [&](const dhcp::Interface& interface) {
        if (!listen.is_any())
            return std::any_of(
                interface.addresses.begin(), interface.addresses.end(),
                [&](const auto& own) { return own.address.to_string() == listen.text; });
        return interface.name == default_interface && is_wanted(interface) &&
               !interface.addresses.empty();
    };
    auto found = std::find_if(interfaces.begin(), interfaces.end(), matches);
    if (found == interfaces.end() && listen.is_any())
        found = std::find_if(interfaces.begin(), interfaces.end(), [&](const auto& interface) {
            return is_usable(interface) && is_wanted(interface);
        });
    return found == interfaces.end() ? nullptr : &*found;
}

std::optional<dhcp::Ipv4> Network::address() const {
    if (!listen.is_any())
        return dhcp::Ipv4::from_text(listen.text);
    const dhcp::Interface* const chosen = interface();
    return chosen != nullptr ? std::optional(chosen->addresses.front().address) : std::nullopt;
}

std::vector<std::string> Network::served_interfaces() const {
    std::vector<std::string> names;
    for (const auto& candidate : interfaces)
        if (listen.is_any() ? is_usable(candidate) && is_wanted(candidate)
                            : &candidate == interface())
            names.push_back(candidate.name);
    return names;
}

std::vector<std::pair<std::string, dhcp::Ipv4>> Network::possible_addresses() const {
    std::vector<std::pair<std::string, dhcp::Ipv4>> all;
    const dhcp::Interface* const chosen = interface();
    const auto own = address();
    if (chosen == nullptr || !own)
        return all;
    all.emplace_back(chosen->name, *own);
    if (!listen.is_any())
        return all;
    for (const auto& candidate : interfaces)
        if (&candidate != chosen && is_usable(candidate) && candidate.can_broadcast &&
            is_wanted(candidate) && (!wanted.empty() || !is_for_guests(candidate.name)))
            all.emplace_back(candidate.name, candidate.addresses.front().address);
    return all;
}

Network look_at_network(const Address& listen, bool dhcp_proxy, std::vector<std::string> wanted) {
    Network network;
    network.interfaces = dhcp::list_interfaces();
    network.default_interface = default_interface(read_whole("/proc/net/route"));
    network.in_container =
        ::access("/.dockerenv", F_OK) == 0 || ::access("/run/.containerenv", F_OK) == 0;
    network.listen = listen;
    network.dhcp_proxy = dhcp_proxy;
    network.wanted = std::move(wanted);
    return network;
}

namespace {

// An interface that is written wrong, or not plugged in yet.
void check_wanted(const Network& network, Findings& findings) {
    std::vector<std::string> names;
    std::string there;
    for (const auto& interface : network.interfaces) {
        names.push_back(interface.name);
        there += (there.empty() ? "" : ", ") + interface.name;
    }
    for (const std::string& name : network.wanted)
        if (std::find(names.begin(), names.end(), name) == names.end())
            findings.warn(
                "interface-missing", "interface " + name,
                fmt::format("does not exist, so nobody is answered there; there are {}", there),
                fmt::format("bootview serve --dhcp-proxy --interface {}", nearest(name, names)));
}

void check_choice(const Network& network, Findings& findings) {
    const auto possible = network.possible_addresses();
    if (!network.wanted.empty() || possible.size() < 2)
        return;
    std::string list;
    for (const auto& [name, address] : possible)
        list += fmt::format("{}{} ({})", list.empty() ? "" : ", ", name, address.to_string());
    findings.warn("network-several", "network",
                  fmt::format("clients may be on each of {}; what is printed here names {}", list,
                              possible.front().second.to_string()),
                  fmt::format("bootview serve --interface {}", possible.back().first));
}

} // namespace

void check_network(const Network& network, Findings& findings) {
    check_wanted(network, findings);
    const auto listen = dhcp::Ipv4::from_text(network.listen.text);
    if (network.listen.text == "::1" || (listen && is_loopback(*listen))) {
        findings.warn("listen-loopback", "--listen " + network.listen.text,
                      "is this machine alone: no client reaches it", "bootview serve --listen '*'");
        return;
    }
    if (std::none_of(network.interfaces.begin(), network.interfaces.end(), is_usable)) {
        const auto down =
            std::find_if(network.interfaces.begin(), network.interfaces.end(),
                         [](const auto& interface) { return interface.can_broadcast; });
        if (down == network.interfaces.end())
            findings.fail("network-none", "network", "there is no interface but the loopback",
                          "ip -brief link");
        else if (!down->up)
            findings.fail("network-down", down->name, "is down, and so is every interface",
                          fmt::format("ip link set {} up", down->name));
        else
            findings.fail("network-no-address", down->name,
                          "has no IPv4 address, nor has any other interface",
                          fmt::format("ip address add 192.168.77.1/24 dev {}", down->name));
        return;
    }
    check_addresses(network, findings);
    const dhcp::Interface* const chosen = network.interface();
    check_choice(network, findings);
    if (chosen != nullptr && network.listen.is_any() && network.wanted.empty() &&
        network.default_interface.empty())
        findings.warn("network-no-default-route", "network",
                      fmt::format("no interface has the default route, so {} is taken for the one "
                                  "that clients are on; say --listen ADDR where that is wrong",
                                  chosen->name),
                      fmt::format("bootview serve --listen {}", network.address()->to_string()));
    if (network.dhcp_proxy && chosen != nullptr && !chosen->can_broadcast)
        findings.fail("network-no-broadcast", chosen->name,
                      "can't send broadcasts, which DHCP needs", "ip -brief link");
    if (const auto address = network.address();
        network.in_container && address && is_of_container_bridge(*address))
        findings.warn("network-behind-nat", address->to_string(),
                      "is the address of a container behind NAT: TFTP does not get through, and "
                      "clients can't reach it",
                      "podman run --network host ...");
    if (const auto address = network.address(); chosen != nullptr && address)
        findings.fine("network", "network",
                      fmt::format("clients reach {} on {}", address->to_string(), chosen->name));
}

} // namespace bootview::doctor
