#include "tftp-bridge/dhcp/interfaces.h"

#include "tftp-bridge/tftp/start_error.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>

namespace bootview::dhcp {
namespace {

Ipv4 ipv4_of(const sockaddr* address) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    return {ntohl(in.sin_addr.s_addr)};
}

} // namespace

Ipv4 Interface::address_for(Ipv4 near) const {
    for (const auto& own : addresses)
        if (!near.is_zero() && ((own.address.value ^ near.value) & own.mask.value) == 0)
            return own.address;
    return addresses.empty() ? Ipv4{} : addresses.front().address;
}

std::vector<Interface> list_interfaces() {
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0)
        return {};
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);

    std::map<int, Interface> by_index;
    for (const auto* entry = list; entry; entry = entry->ifa_next) {
        // An address may have a label as its name: "eth0:1".
        const std::string name = entry->ifa_name;
        const auto index = static_cast<int>(if_nametoindex(name.substr(0, name.find(':')).c_str()));
        if (index == 0)
            continue; // gone meanwhile
        auto& interface = by_index[index];
        interface.index = index;
        interface.name = name.substr(0, name.find(':'));
        interface.up = (entry->ifa_flags & IFF_UP) != 0;
        interface.can_broadcast = (entry->ifa_flags & IFF_BROADCAST) != 0 &&
                                  (entry->ifa_flags & (IFF_LOOPBACK | IFF_POINTOPOINT)) == 0;
        if (entry->ifa_addr && entry->ifa_addr->sa_family == AF_INET)
            interface.addresses.push_back(
                {ipv4_of(entry->ifa_addr),
                 entry->ifa_netmask ? ipv4_of(entry->ifa_netmask) : broadcast_address});
    }
    std::vector<Interface> interfaces;
    for (auto& [index, interface] : by_index)
        interfaces.push_back(std::move(interface));
    return interfaces;
}

InterfaceWatch::InterfaceWatch()
    : netlink_(socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE)) {
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR;
    if (!netlink_ ||
        bind(netlink_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw tftp::StartError(fmt::format("cannot learn of changes of network interfaces: {}; "
                                           "allow netlink sockets (RestrictAddressFamilies="
                                           "AF_NETLINK)",
                                           std::strerror(errno)));
}

bool InterfaceWatch::take_news() {
    // What it was about does not matter, all interfaces are listed anew then. ENOBUFS: some were
    // lost.
    std::array<char, 8192> buffer;
    bool any = false;
    while (recv(netlink_.get(), buffer.data(), buffer.size(), 0) >= 0 || errno == ENOBUFS ||
           errno == EINTR)
        any = true;
    return any;
}

} // namespace bootview::dhcp
