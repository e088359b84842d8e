// Sockets that a service manager has opened for us (sd_listen_fds(3)): so port 69 needs no
// privilege of our own, and no request is lost while we restart.
#pragma once

#include "common/descriptor.h"

#include <string>
#include <vector>

namespace bootview::tftp {

// Those that are named `name` (FileDescriptorName= of the .socket unit), or after a unit that
// begins with it; all of them if they have no names. What is returned belongs to the caller; others
// are left as they are. Empty when nothing was handed to this process.
std::vector<Descriptor> inherited_sockets(const std::string& name);

} // namespace bootview::tftp
