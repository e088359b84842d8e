// The network that clients are to be served on: interfaces, addresses, the way out.
#pragma once

#include "bootview/doctor/finding.h"
#include "bootview/endpoint.h"
#include "tftp-bridge/dhcp/interfaces.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bootview::doctor {

struct Network {
    std::vector<dhcp::Interface> interfaces;
    std::string default_interface; // the one with the default route; empty without one
    bool in_container = false;
    Address listen;
    bool dhcp_proxy = false;
    std::vector<std::string> wanted; // interfaces that the user says clients are on; empty: any

    bool is_wanted(const dhcp::Interface& interface) const;
    // Is it an address of this machine that is served on?
    bool serves_on(dhcp::Ipv4 address) const;
    // The one to tell clients, and its interface; null without any.
    const dhcp::Interface* interface() const;
    std::optional<dhcp::Ipv4> address() const;
    // Those that clients may come in by.
    std::vector<std::string> served_interfaces() const;
    // The interfaces that clients may be on, as far as nothing says which: their names and
    // addresses, that of address() first. Those of containers and virtual machines are left out.
    std::vector<std::pair<std::string, dhcp::Ipv4>> possible_addresses() const;
};

Network look_at_network(const Address& listen, bool dhcp_proxy,
                        std::vector<std::string> wanted = {});
void check_network(const Network& network, Findings& findings);

// Of the text of /proc/net/route; empty: there is none.
std::string default_interface(std::string_view routes);

} // namespace bootview::doctor
