// Who holds a UDP port, for an error message that helps.
#pragma once

#include <cstdint>
#include <string>

namespace bootview::tftp {

// "dnsmasq (pid 123)"; empty when it cannot be found out, as for another user's process.
std::string udp_port_owner(std::uint16_t port);

} // namespace bootview::tftp
