// What boot loaders' configurations say can be booted: kernel, initramfs, command line. Pure: text
// in, entries out.
//
// PXELINUX's (syslinux.txt of Syslinux 6), GRUB's, iPXE's, and the Raspberry Pi's config.txt.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::doctor {

struct BootEntry {
    std::string where;  // "pxelinux.cfg/default, label linux"
    std::string file;   // the one that the command line stands in
    std::string kernel; // as a path of the volume, without a leading '/'
    std::vector<std::string> initramfs;
    std::string command_line;
    bool adds_ip = false;   // the boot loader appends ip= itself (PXELINUX: IPAPPEND 1, 3)
    bool elsewhere = false; // a URL, or a path with variables: not to be found here
};

// Each as it stands in `file`.
std::vector<BootEntry> pxelinux_entries(const std::string& file, std::string_view text);
std::vector<BootEntry> grub_entries(const std::string& file, std::string_view text);
std::vector<BootEntry> ipxe_entries(const std::string& file, std::string_view text);
// The modules (.c32) that a PXELINUX configuration needs beside pxelinux.0.
std::vector<std::string> pxelinux_modules(std::string_view text);

struct PiConfig {
    std::vector<BootEntry> entries;         // one for each kernel that a section names
    std::vector<std::string> bad_initramfs; // lines that the firmware does not understand
    bool names_kernel = false;              // none is named: the usual names are looked for
    std::string os_prefix;
};
// `exists`: is there a file of that name? `read`: its text, for include lines and cmdline.txt.
struct PiFiles {
    std::function<bool(const std::string& name)> exists;
    std::function<std::optional<std::string>(const std::string& name)> read;
};
PiConfig pi_entries(std::string_view config_txt, const PiFiles& files);

// A boot loader's name for a file as a path of the volume: "(pxe)/vmlinuz", "::vmlinuz",
// "/vmlinuz" are "vmlinuz". Nothing for what lies elsewhere.
std::optional<std::string> path_in_volume(std::string_view name);

} // namespace bootview::doctor
