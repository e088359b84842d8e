// Which boot program lies in a directory, by architecture, under the names that firmware and
// distributions have for it.
#pragma once

#include "tftp-bridge/dhcp/architecture.h"

#include <optional>
#include <string>
#include <vector>

namespace bootview::clients {

// The best first. Empty for architectures nothing is known about.
const std::vector<std::string>& boot_program_names(dhcp::Architecture architecture);

// The first of them that is in the directory, as TFTP would serve it.
std::optional<std::string> find_boot_program(const std::string& directory,
                                             dhcp::Architecture architecture, bool fold_case);
// A script that iPXE finds by itself in other ways: "autoexec.ipxe" or "boot.ipxe".
std::optional<std::string> find_ipxe_script(const std::string& directory, bool fold_case);

// Whether this file is iPXE, by its content, whatever it is called. False if it cannot be read.
bool is_ipxe(const std::string& directory, const std::string& name, bool fold_case);

} // namespace bootview::clients
