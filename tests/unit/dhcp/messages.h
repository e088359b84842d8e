// The requests of real firmware, written down option by option, and bytes as hexadecimal digits.
#pragma once

#include "tftp-bridge/dhcp/packet.h"

#include <string>
#include <string_view>
#include <vector>

namespace bootview::dhcp {

// "01 0a" or "010a"; what is no digit is skipped.
std::vector<std::uint8_t> from_hex(std::string_view digits);
std::string to_hex(Bytes bytes);

// A request with these options, given as they stand in the packet: code, length, value, ....
Message request_with(std::string_view options_in_hex);

// The options of a packet as a golden vector writes them: "53:02 54:0a4d0002 60:5058…", in the
// order of the packet, up to the end option. "?" and what follows for a packet that breaks off.
std::string options_of(Bytes packet);

// DHCPDISCOVER, as captured.
Message pi_3();      // boot ROM of a Pi 3B
Message pi_3_plus(); // 3B+, serial 9ffefdef
Message pi_4();      // EEPROM, serial a1b2c3d4
Message pi_5();
Message pc_bios(); // with a UUID
Message ipxe_bios();
Message edk2(std::uint16_t architecture = 7); // OVMF, AAVMF
Message http_client(std::uint16_t architecture = 16);
// Another type: EDK2's question to port 4011 is its own DISCOVER with type 3 and an address.
Message as_type(Message message, MessageType type, Ipv4 client = {});

} // namespace bootview::dhcp
