// IPv4 and UDP headers around a datagram (RFC 791, RFC 768), for when another program has the port
// and we read and write whole packets. Pure.
#pragma once

#include "tftp-bridge/dhcp/packet.h"

#include <optional>
#include <vector>

namespace bootview::dhcp {

struct UdpFrame {
    Ipv4 from;
    std::uint16_t from_port = 0;
    Ipv4 to;
    std::uint16_t to_port = 0;
    Bytes payload; // into the packet that was parsed
};

// Nothing for a fragment or what is no UDP. The UDP checksum is not looked at: the boot ROM of the
// Pi 3 sends none, and between programs of one machine it is not computed yet.
std::optional<UdpFrame> parse_udp_frame(Bytes packet);

std::vector<std::uint8_t> build_udp_frame(const UdpFrame& frame);

} // namespace bootview::dhcp
