// The network interfaces of this machine and their IPv4 addresses, and word when they change.
#pragma once

#include "common/descriptor.h"
#include "tftp-bridge/dhcp/address.h"

#include <optional>
#include <string>
#include <vector>

namespace bootview::dhcp {

struct InterfaceAddress {
    Ipv4 address;
    Ipv4 mask;
    bool operator==(const InterfaceAddress&) const = default;
};

struct Interface {
    int index = 0;
    std::string name;
    bool up = false;
    bool can_broadcast = false; // not the loopback, not a point-to-point link
    std::vector<InterfaceAddress> addresses;

    bool operator==(const Interface&) const = default;
    // The one a client is to load from: that in the network of `near`, or else the first; zero
    // without any.
    Ipv4 address_for(Ipv4 near) const;
};

// In the order of their indices.
std::vector<Interface> list_interfaces();

class InterfaceWatch {
public:
    // Throws StartError.
    InterfaceWatch();
    int fd() const { return netlink_.get(); }
    // Takes all news that have arrived; whether there were any.
    bool take_news();

private:
    Descriptor netlink_;
};

} // namespace bootview::dhcp
