// What can be known to fail before anything is started. Each check throws Failure with the line to
// show: the thing, what is wrong, what to do. All they touch is handed in, so each can be tested.
#pragma once

#include "bootview/endpoint.h"
#include "common/port_holder.h"

#include <cstdint>
#include <optional>
#include <string>

namespace bootview::preflight {

enum class SourceKind {
    image,
    directory,
    nbd_server, // somebody else's, by its URI
};

// Exists, may be read, holds something. Says which of the two it is.
SourceKind check_source(const std::string& path);

// Exists, is a directory, and nothing is mounted there.
void check_mount_directory(const std::string& path);

// Exists and may be opened: "/dev/fuse".
void check_fuse_device(const std::string& path);

// Not needed by root, who mounts by himself.
void check_fusermount(bool root, const std::string& search_path);

// The path of nbdkit.
std::string check_nbdkit(const std::string& search_path);

// One of our own programs.
std::string check_sibling(const std::string& name, const std::string& own_directory,
                          const std::string& search_path);

// The line for a port that can't be bound. `option` is the one that changes it; `source` what was
// to be served.
std::string port_problem(std::uint16_t port, Transport transport, const Address& address, int error,
                         const std::optional<PortHolder>& holder, const std::string& option,
                         const std::string& source);

} // namespace bootview::preflight
