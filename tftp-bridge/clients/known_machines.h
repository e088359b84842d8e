// What machines have told about themselves by DHCP, so that a TFTP request, which says nothing but
// an address, can be traced to one. Bounded: the machine that was heard least recently is forgotten
// for a new one. No I/O.
//
// Anyone on the network can claim anything by DHCP, as by TFTP. What is known here chooses between
// roots, it protects none.
#pragma once

#include "tftp-bridge/clients/client_record.h"

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

namespace bootview::clients {

class KnownMachines {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    static constexpr std::size_t default_capacity = 4096;
    static constexpr std::chrono::minutes same_boot{2};

    explicit KnownMachines(std::size_t capacity = default_capacity) : capacity_(capacity) {}

    void learn(const dhcp::Machine& machine);
    // An address has one owner, the last that was heard to have it. Of machines that have not been
    // learnt nothing is kept: most on a network boot from their disks.
    void learn_address(const dhcp::Mac& mac, dhcp::Ipv4 address);

    // What its firmware was offered to load. iPXE that asks within `same_boot` after that has come
    // from it. Of machines that have not been learnt nothing is kept.
    void offered(const dhcp::Machine& machine, const std::string& file, TimePoint now);
    std::string loaded_before(const dhcp::Machine& ipxe, TimePoint now) const; // empty: nothing

    // Nothing is known of a MAC that was never heard: just that.
    Identity identity_of(const dhcp::Mac& mac) const;
    std::optional<dhcp::Mac> owner_of(dhcp::Ipv4 address) const;
    std::size_t size() const { return machines_.size(); }

private:
    struct Known {
        Identity identity;
        std::string offered;
        TimePoint offered_at{};
        std::list<dhcp::Mac>::iterator heard;
    };
    Known& heard(const dhcp::Mac& mac);

    std::size_t capacity_;
    std::list<dhcp::Mac> in_order_; // the one heard last in front
    std::unordered_map<dhcp::Mac, Known, dhcp::MacHash> machines_;
    std::map<dhcp::Ipv4, dhcp::Mac> owners_; // of the addresses in machines_
};

} // namespace bootview::clients
