// What is in an initramfs: cpio archives one after the other, the last of them mostly packed (Linux
// Documentation/driver-api/early-userspace/buffer-format.rst). Pure, but for the unpacking, which
// is handed in.
#pragma once

#include "bootview/doctor/packing.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>

namespace bootview::doctor {

enum class InitramfsState {
    complete,
    damaged,        // cut off, or no initramfs at all
    not_unpackable, // with what is installed here
};

struct Initramfs {
    InitramfsState state = InitramfsState::complete;
    std::optional<Packing> packing; // of the last of it
    std::uint64_t files = 0;
    std::set<std::string> kernels;     // whose modules are in it: "6.1.0-18-amd64"
    std::set<std::string> nbd_kernels; // those with nbd as a module, or built in
    bool has_nbd_client = false;       // nbd-client, or bootview-nbd-attach
    bool has_nbd_script = false;       // that attaches the root
    bool has_bootview = false;         // by our own package

    void add(const Initramfs& other); // PXELINUX and iPXE take several
};

Initramfs read_initramfs(std::span<const std::byte> bytes, const Unpack& unpack);

} // namespace bootview::doctor
