// From the name in a request to a path below the root, and to something fit for a log. Pure.
#pragma once

#include <string>
#include <string_view>

namespace bootview::tftp {

// Firmware is careless with names: Windows asks with backslashes, many clients with a leading or a
// doubled slash or "./", some PXE ROMs append spaces, control characters or 0xff. The result is
// relative. ".." stays in it: the kernel resolves it, and keeps it inside the root (see
// file_root.h).
std::string clean_name(std::string_view asked);

// Who configures a DHCP server may write whole paths, "/srv/tftp/pxelinux.0": `name`, as
// clean_name() gives it, without the path of the root if it begins with that.
std::string without_own_path(const std::string& name, std::string_view root);

// For log lines: control characters and bytes beyond ASCII as \xNN, and not longer than 200
// characters. A client must not be able to write escape sequences or lines of its own into a log.
std::string printable(std::string_view text);

} // namespace bootview::tftp
