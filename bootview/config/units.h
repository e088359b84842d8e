// What the systemd units need of a configuration: files that they read. The manual is bootview(1).
#pragma once

#include "bootview/config/config.h"

#include <string>

namespace bootview::config {

// For EnvironmentFile= of the units of nbdkit and fuse-fatimg.
std::string unit_environment(const Config& config);

// A line for each key that does not count there, with what does.
Problems not_for_units(const Config& config);

} // namespace bootview::config
