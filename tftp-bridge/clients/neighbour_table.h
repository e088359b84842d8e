// The kernel's neighbour table (ARP, IPv6 neighbour discovery): which MAC answers for an address.
#pragma once

#include "common/descriptor.h"
#include "tftp-bridge/dhcp/address.h"
#include "tftp-bridge/tftp/endpoint.h"

#include <cstddef>
#include <optional>
#include <span>

namespace bootview::clients {

class NeighbourTable {
public:
    // Asks the kernel. Nothing for a machine behind a router, or if the kernel does not tell. Not
    // thread-safe.
    std::optional<dhcp::Mac> find(const tftp::Endpoint& address);

private:
    bool ask(sa_family_t family);

    Descriptor netlink_;
};

// One datagram of the kernel's answer (rtnetlink(7), RTM_NEWNEIGH). `done` becomes true with the
// last one. Pure.
std::optional<dhcp::Mac> find_in_neighbours(std::span<const std::byte> datagram,
                                            const tftp::Endpoint& address, bool& done);

} // namespace bootview::clients
