// What a boot partition boots: each entry of its boot loader's configuration has a kernel, an
// initramfs for that kernel which can attach an NBD root, and a command line that leads to us.
#pragma once

#include "bootview/doctor/boot_entries.h"
#include "bootview/doctor/finding.h"
#include "bootview/doctor/image.h"
#include "bootview/doctor/network.h"
#include "bootview/doctor/packing.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace bootview::doctor {

// What is served, for command lines to lead to.
struct Served {
    Network network;
    std::uint16_t nbd_port = 0;
    // Of a directory of images; empty: one image answers to every name.
    std::set<std::string> exports;
    std::map<std::string, std::string> file_names; // "jammy.img", which asks for jammy as well
    std::string name; // of the export that is looked at; to be written into its command line
};

void check_boot_files(const OpenImage& image, const Served& served, const Unpack& unpack,
                      Findings& findings);

// All that a volume's configurations name. `read` and `exists` as of PiFiles.
std::vector<BootEntry> entries_of(const BootVolume& volume);

} // namespace bootview::doctor
