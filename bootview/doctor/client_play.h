// Plays a client that boots: DHCP, the files that its firmware asks for in their order, the export
// that its command line names. What it gets is one line each.
#pragma once

#include "bootview/doctor/dhcp_probe.h"
#include "bootview/doctor/finding.h"
#include "bootview/doctor/network.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bootview::doctor {

struct Client {
    std::string text;                  // as it was given
    std::optional<std::string> serial; // 8 hex digits: a Raspberry Pi
    std::optional<dhcp::Mac> mac;
    std::optional<dhcp::Ipv4> address;

    bool is_pi() const; // by its serial number, or by whose MAC it is
};

// "89025d75", "100000089025d75", "dc:a6:32:01:36:c2", "192.0.2.7".
std::optional<Client> parse_client(std::string_view text);

struct PlayQuestion {
    Network network;
    std::uint16_t nbd_port = 0;
    std::uint16_t tftp_port = 0;
    bool dhcp_proxy = false;
    bool root = false;
};
void play_client(const Client& client, const PlayQuestion& question, Findings& findings);

} // namespace bootview::doctor
