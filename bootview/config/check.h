// Whether what a configuration names can be served, and what that would be.
#pragma once

#include "bootview/config/config.h"

#include <string>

namespace bootview::config {

// What tftp-bridge says of it, at `tftp_bridge`.
void check_for_bridge(const Config& config, const std::string& tftp_bridge, Problems& problems);

// Whether the images, and the roots of clients, are there.
void check_places(const Config& config, Problems& problems);

// Whether the interfaces are there.
void check_interfaces(const Config& config, Problems& problems);

// Whether the systemd units may read the images, which is a problem otherwise, and write to them,
// which is a warning.
void check_access(const Config& config, Problems& problems, Problems& warnings);

// A line for each image and each client.
std::string describe(const Config& config);

} // namespace bootview::config
