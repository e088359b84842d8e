// The network that clients are to be served on: interfaces, addresses, the way out.
#pragma once

#include "bootview/doctor/finding.h"
#include "bootview/endpoint.h"
#include "tftp-bridge/dhcp/interfaces.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::doctor {

struct Network {
    std::vector<dhcp::Interface> interfaces;
    std::string default_interface; // the one with the default route; empty without one
    bool in_container = false;
    Address listen;
    bool dhcp_proxy = false;

    // Is it an address of this machine that is served on?
    bool serves_on(dhcp::Ipv4 address) const;
    // The one to tell clients, and its interface; null without any.
    const dhcp::Interface* interface() const;
    std::optional<dhcp::Ipv4> address() const;
    // Those that clients may come in by.
    std::vector<std::string> served_interfaces() const;
};

Network look_at_network(const Address& listen, bool dhcp_proxy);
void check_network(const Network& network, Findings& findings);

// Of the text of /proc/net/route; empty: there is none.
std::string default_interface(std::string_view routes);

} // namespace bootview::doctor
