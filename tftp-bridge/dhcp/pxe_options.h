// PXE's own options, which travel inside DHCP option 43 (PXE 2.1 §2.4, RFC 2132 §8.4). Pure.
#pragma once

#include "tftp-bridge/dhcp/packet.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::dhcp {

// PXE 2.1 §2.4, table 2-1.
enum class PxeCode : std::uint8_t {
    discovery_control = 6,
    boot_servers = 8,
    boot_menu = 9,
    menu_prompt = 10,
    boot_item = 71,
    end = 255,
};

// Bits of discovery_control.
inline constexpr std::uint8_t no_broadcast_discovery = 1;
inline constexpr std::uint8_t no_multicast_discovery = 2;
inline constexpr std::uint8_t only_listed_servers = 4;
inline constexpr std::uint8_t just_boot_the_file = 8; // no menu, no request to port 4011

// Type 0 boots from the local disk; 0x8000 and more are free for servers (PXE 2.1 §2.4).
inline constexpr std::uint16_t local_boot = 0;
inline constexpr std::uint16_t first_free_type = 0x8000;

struct PxeMenuEntry {
    std::uint16_t type = local_boot;
    std::string text; // at most 255 bytes
    bool operator==(const PxeMenuEntry&) const = default;
};

struct PxePrompt {
    std::uint8_t timeout = 0; // seconds; 0: the first entry at once, 255: wait for the user
    std::string text = "PXE";
    bool operator==(const PxePrompt&) const = default;
};

// Which entry the client has chosen (option 43.71). The layer's highest bit asks for credentials.
struct BootItem {
    std::uint16_t type = 0;
    std::uint16_t layer = 0;
    bool operator==(const BootItem&) const = default;
};
inline constexpr std::uint16_t credentials_bit = 0x8000;

std::optional<BootItem> parse_boot_item(Bytes option43);

// The values of option 43 that are sent, each with its end and without a pad, which confuses old
// firmware of the Raspberry Pi.
std::vector<std::uint8_t> boot_item_option(BootItem item);
std::vector<std::uint8_t> just_boot_option();
// Nothing when the menu takes more than the 255 bytes that PXE has for it. The prompt stands where
// dnsmasq has it, before servers and menu: old ROMs know their way about there. Every type but
// local_boot gets `server` as its boot server.
std::optional<std::vector<std::uint8_t>> menu_option(const std::vector<PxeMenuEntry>& entries,
                                                     const PxePrompt& prompt, Ipv4 server);

} // namespace bootview::dhcp
