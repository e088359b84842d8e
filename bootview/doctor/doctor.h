// bootview doctor [IMAGE|DIR]: looks for what will keep machines from booting, before they do. It
// starts nothing and changes nothing; for what it finds it says the line that mends it.
//
//     machine.h        programs, FUSE, limits, clock
//     network.h        interfaces and addresses              dhcp_probe.h  who answers DHCP
//     ports.h          free, or taken by whom                firewall.h    nftables' rules
//     image.h          readable, whole, a sound FAT          image_access.h
//     boot_files.h     kernel, initramfs, command line of each entry
//     raspberry_pi.h   what a Pi does not say
//     client_play.h    --as: what a client gets, step by step
//
// Each takes values in and leaves findings (finding.h); what is looked up on the machine is handed
// in where that makes the check testable. The images are read through fuse-fatimg's parsers, so
// nothing has to be mounted.
#pragma once

#include "bootview/endpoint.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bootview::doctor {

struct Options {
    std::optional<std::string> source;      // an image, or a directory of them
    Address listen;                         // as for serve
    std::optional<std::uint16_t> nbd_port;  // likewise
    std::optional<std::uint16_t> tftp_port; // likewise
    bool dhcp_proxy = false;                // likewise
    std::vector<std::string> interfaces;    // likewise
    std::vector<std::string> view_options;  // likewise
    std::optional<std::string> client;      // whom to play
    bool json = false;
};

// Prints what it finds. 0: nothing will fail, 1: something will. Throws Failure.
int run(const Options& options);

} // namespace bootview::doctor
