// bootview config: what its sub-commands do. Each returns the exit status, and throws Failure.
#pragma once

#include <string>
#include <vector>

namespace bootview::config {

// Prints what is wrong with the file, or else what would be served.
int check(const std::string& file);

// Prints what the files of other servers come to: "nobodd FILE... nbd-server FILE...".
int import(const std::vector<std::string>& words);

// Writes what the systemd units read into the directory. `view`: where the boot files are shown;
// empty: boot below it. If the file is wrong, what is there stays.
int write_for_units(const std::string& directory, const std::string& view, const std::string& file);

// The tftp-bridge beside this program.
std::string bridge_program();

} // namespace bootview::config
