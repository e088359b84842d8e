// A socket with a name in the file system, to be connected to.
#pragma once

#include "common/descriptor.h"

#include <chrono>
#include <string>

namespace bootview {

// Binds and listens, non-blocking. `type`: SOCK_STREAM, SOCK_SEQPACKET. A socket that a dead
// program left behind is replaced; one that somebody listens on is not taken from them, nor is a
// file that is no socket. Nothing, and errno, if it cannot be had.
Descriptor listen_at(const std::string& path, int type);

// Connects, non-blocking. Nothing, and errno, if nobody is there.
Descriptor connect_to(const std::string& path, int type);

// Removes the sockets in `directory` whose name begins with `prefix` and that nobody listens on:
// what killed programs left behind. None that is younger than `youngest`: between bind(2) and
// listen(2) a socket looks dead, too.
void remove_dead_sockets(const std::string& directory, const std::string& prefix,
                         std::chrono::seconds youngest = std::chrono::seconds{10});

} // namespace bootview
