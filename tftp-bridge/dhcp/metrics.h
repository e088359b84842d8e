// What the DHCP proxy did so far, as Prometheus reads it (text format 0.0.4). Pure.
#pragma once

#include "tftp-bridge/dhcp/server.h"

#include <string>

namespace bootview::dhcp {

std::string to_text(const Counters& counters);

} // namespace bootview::dhcp
