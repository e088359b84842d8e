#include "tftp-bridge/clients/known_machines.h"

namespace bootview::clients {

void KnownMachines::learn(const dhcp::Machine& machine) {
    auto& identity = heard(machine.mac).identity;
    identity.architecture = machine.architecture;
    // A Pi boots in stages, and not every stage sends its serial number.
    if (machine.serial)
        identity.serial = machine.serial;
    if (machine.uuid)
        identity.uuid = machine.uuid;
}

void KnownMachines::learn_address(const dhcp::Mac& mac, dhcp::Ipv4 address) {
    if (!machines_.contains(mac))
        return;
    const auto before = owners_.find(address);
    if (before != owners_.end() && before->second != mac)
        machines_.at(before->second).identity.address.reset();
    auto& identity = heard(mac).identity;
    if (identity.address && identity.address != address)
        owners_.erase(*identity.address);
    identity.address = address;
    owners_[address] = mac;
}

void KnownMachines::offered(const dhcp::Machine& machine, const std::string& file, TimePoint now) {
    const auto known = machines_.find(machine.mac);
    if (known == machines_.end() || machine.boot_class == dhcp::BootClass::ipxe)
        return;
    known->second.offered = file;
    known->second.offered_at = now;
}

std::string KnownMachines::loaded_before(const dhcp::Machine& ipxe, TimePoint now) const {
    const auto known = machines_.find(ipxe.mac);
    if (known == machines_.end() || ipxe.boot_class != dhcp::BootClass::ipxe ||
        now - known->second.offered_at > same_boot)
        return {};
    return known->second.offered;
}

Identity KnownMachines::identity_of(const dhcp::Mac& mac) const {
    const auto known = machines_.find(mac);
    if (known != machines_.end())
        return known->second.identity;
    Identity identity;
    identity.mac = mac;
    return identity;
}

std::optional<dhcp::Mac> KnownMachines::owner_of(dhcp::Ipv4 address) const {
    const auto owner = owners_.find(address);
    if (owner == owners_.end())
        return std::nullopt;
    return owner->second;
}

KnownMachines::Known& KnownMachines::heard(const dhcp::Mac& mac) {
    const auto known = machines_.find(mac);
    if (known != machines_.end()) {
        in_order_.splice(in_order_.begin(), in_order_, known->second.heard);
        return known->second;
    }
    if (machines_.size() >= capacity_) {
        const auto oldest = machines_.find(in_order_.back());
        if (oldest->second.identity.address)
            owners_.erase(*oldest->second.identity.address);
        machines_.erase(oldest);
        in_order_.pop_back();
    }
    in_order_.push_front(mac);
    Identity identity;
    identity.mac = mac;
    return machines_.emplace(mac, Known{identity, {}, {}, in_order_.begin()}).first->second;
}

} // namespace bootview::clients
