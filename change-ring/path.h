// Where a ring's socket lies when nobody said: both sides derive it from the image, so that they
// find each other without configuration.
#pragma once

#include "change-ring/publisher.h"

#include <string>
#include <vector>

namespace bootview::ring {

// "ring-DEVICE-INODE.sock" (hexadecimal): stable while the image stays the same file.
std::string socket_name(ImageId image);

// Where an explicit notify= puts the socket of an image: under its derived name in `notify`, if
// that is an existing directory; else `notify` is the socket itself.
std::string socket_at(const std::string& notify, ImageId image);

// The directories that are tried for sockets, best first:
//   $XDG_RUNTIME_DIR/bootview    (not for root)
//   /run/bootview
//   /tmp/bootview-UID            (only if it belongs to this user and no one else may write to it)
std::vector<std::string> runtime_directories();

// Server: the first of them that exists or can be made, and can be written to. Empty: none.
std::string make_runtime_directory();

// Subscriber: every path at which a server of this user, or of root, may have put the socket.
std::vector<std::string> socket_candidates(ImageId image);

} // namespace bootview::ring
