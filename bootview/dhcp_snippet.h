// What to add to the configuration of a DHCP server, so that it tells machines by itself what to
// boot: for those who would rather not have a DHCP proxy on their network.
//
// Each text sends to each kind of machine what `tftp-bridge --dhcp-proxy` would: the address of the
// boot server (siaddr), to PCs the program of their architecture (RFC 4578 §2.1), and to Raspberry
// Pis the menu that they look for in option 43 (PXE 2.1 §2.4), with the three blanks that the ROM
// of the Pi 3 needs.
#pragma once

#include <string>
#include <string_view>

namespace bootview {

enum class DhcpServerKind { dnsmasq, openwrt, kea, isc };

struct DhcpSnippetRequest {
    DhcpServerKind kind = DhcpServerKind::dnsmasq;
    std::string server; // the boot server's IPv4 address, in numbers
    // What PCs load, by how they were made.
    std::string bios = "pxelinux.0";
    std::string x64 = "EFI/BOOT/BOOTX64.EFI";
    std::string arm64 = "EFI/BOOT/BOOTAA64.EFI";
};

std::string dhcp_snippet(const DhcpSnippetRequest& request);

// Whether MAC addresses that begin like this, "b8:27:eb", are of Raspberry Pis.
bool is_maker_of_pis(std::string_view prefix);

// Whether it can stand in a configuration as it is: letters, digits, and what paths are made of.
bool is_plain_file_name(std::string_view name);

} // namespace bootview
