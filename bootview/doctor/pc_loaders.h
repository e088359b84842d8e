// What boot programs of PCs read once they are loaded, in the order in which they ask for it.
#pragma once

#include "bootview/doctor/boot_entries.h"
#include "tftp-bridge/dhcp/address.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::doctor {

struct PcLoader {
    std::string program; // the file that the firmware has loaded
    std::optional<dhcp::Mac> mac;
    std::optional<dhcp::Ipv4> address;
    std::string ipxe_script; // that the DHCP proxy told iPXE; empty: none
};

// Files that it can't do without and asks for at once, as ldlinux.c32.
std::vector<std::string> companions_of(const std::string& program);

// GRUB takes the address of its server from the DHCP server's answer (siaddr), and hears nothing of
// what a proxy said, even if it was the proxy that told the firmware to load it.
bool asks_whom_the_dhcp_server_names(const std::string& program);

// The configuration: the first of those that it looks for that is there, and what that names.
struct PcConfiguration {
    std::string file; // empty: it finds none
    std::vector<BootEntry> entries;
};
// `get` fetches a file; null if it is not there.
PcConfiguration
read_configuration(const PcLoader& loader,
                   const std::function<const std::string*(const std::string&)>& get);

} // namespace bootview::doctor
