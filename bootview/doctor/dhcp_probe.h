// Asks the DHCP servers of a network what a machine that boots would be told, and judges it.
#pragma once

#include "bootview/doctor/finding.h"
#include "bootview/doctor/network.h"
#include "tftp-bridge/dhcp/architecture.h"
#include "tftp-bridge/dhcp/packet.h"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bootview::doctor {

// Who asks.
struct Asker {
    dhcp::Mac mac;
    std::optional<std::string> pi_serial; // 8 hex digits: it asks as a Raspberry Pi
    dhcp::Architecture architecture = dhcp::Architecture::bios; // of its firmware
    bool is_ipxe = false;                                       // which that firmware has loaded
};

// Each kind of asker has a transaction of its own, by which answers are told apart.
dhcp::Message discover_of(const Asker& asker);

struct DhcpAnswer {
    dhcp::Ipv4 from;
    dhcp::Message message;
    std::chrono::microseconds time{}; // since the question
};

// These DISCOVERs on this interface, and what comes back within some seconds: until there is an
// address, and a proxy if one is expected. Needs root. Throws std::system_error.
std::vector<DhcpAnswer> ask_dhcp(const dhcp::Interface& interface,
                                 std::span<const dhcp::Message> discovers, bool expect_proxy);

// The file that an answer names in its header or in option 67; empty without one.
std::string boot_file_of(const dhcp::Message& answer);

// `expect_proxy`: our own proxy is up, and should be among them.
void judge_dhcp(const std::vector<DhcpAnswer>& answers, const Network& network, bool expect_proxy,
                Findings& findings);

} // namespace bootview::doctor
