// A kernel's command line: which export it takes its root from. Pure.
//
// The same forms as a client understands, initramfs-hooks/nbdroot.sh; and those of Debian's
// nbd-client and of dracut's own nbd module, as far as they differ.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::doctor {

struct NbdRoot {
    // As it stands there; empty, or "dhcp", "boot", where something else says it.
    std::string host;
    std::uint16_t port = 10809; // IANA: nbd
    std::string name;           // of the export; empty: the server's default
    std::string word;           // "nbdroot=192.0.2.1,boot,nbd0"
};

struct CommandLine {
    std::optional<NbdRoot> nbd_root; // nothing: it does not boot from NBD
    std::string nbd_error;           // of an nbdroot= that no client understands
    std::string root;                // the value of root=; empty without one
    bool has_ip = false;             // ip=..., so that there is a network early enough
};

CommandLine parse_command_line(std::string_view text);

} // namespace bootview::doctor
