// A socket with a name in the file system, to be connected to.
#pragma once

#include "common/descriptor.h"

#include <string>

namespace bootview {

// Binds and listens, non-blocking. `type`: SOCK_STREAM, SOCK_SEQPACKET. A socket that a dead
// program left behind is replaced, one that somebody listens on is not taken from them. Nothing,
// and errno, if it cannot be had.
Descriptor listen_at(const std::string& path, int type);

} // namespace bootview
