// What a DHCP message says about the machine that sent it. Pure.
//
// A Raspberry Pi says that it is an x86 BIOS (architecture 0), all models do. It is told from one
// by what no PC sends: its machine identifier (option 97), or, in the ROM of the Pi 3B and for a
// customer's own identifier, an exact vendor class without any of the options that every PC adds.
// Lists of address ranges age, so they are not used.
#pragma once

#include "tftp-bridge/dhcp/architecture.h"
#include "tftp-bridge/dhcp/packet.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace bootview::dhcp {

// Which way a machine boots. Delays and the log go by it.
enum class BootClass : std::uint8_t { bios, uefi, ipxe, pi, http };

std::string_view to_string(BootClass boot_class);
std::optional<BootClass> boot_class_from_text(std::string_view text);

using Uuid = std::array<std::uint8_t, 16>;

struct Machine {
    Mac mac;
    BootClass boot_class = BootClass::bios;
    Architecture architecture = Architecture::bios; // raspberry_pi for a Pi
    std::optional<Uuid> uuid;          // option 97, unless it is a Pi's or says nothing
    std::optional<std::string> serial; // of a Pi: 8 lower-case hex digits
    bool operator==(const Machine&) const = default;
};

// Why a message is not of a machine that boots from the network.
enum class NotBooting : std::uint8_t { no_vendor_class, other_vendor_class, no_architecture };

struct Identified {
    std::optional<Machine> machine;
    NotBooting reason = NotBooting::no_vendor_class; // when there is no machine
};
Identified identify(const Message& message);

} // namespace bootview::dhcp
