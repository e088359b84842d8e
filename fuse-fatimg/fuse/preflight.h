// What can be wrong before a mount is tried, each said in one line with what to do about it.
#pragma once

#include "fuse-fatimg/fuse/options.h"

namespace bootview::fuse {

// Throws std::runtime_error.
void check_mountpoint(const Options& options);
void check_fuse(const Options& options);

// After the mount, of a process that is not root: what parses images needs no privilege. Only for
// the calling thread.
void drop_capabilities();

} // namespace bootview::fuse
