// What a boot server did, in numbers, as Prometheus reads them (text format 0.0.4). Pure. TFTP and
// DHCP count for themselves; the monitor adds what they say.
#pragma once

#include "bootview/monitor/model.h"

#include <string>

namespace bootview::monitor {

std::string metrics_text(const Model& model);

} // namespace bootview::monitor
