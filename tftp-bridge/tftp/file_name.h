// From the name in a request to a path below the root, and to something fit for a log. Pure.
#pragma once

#include <string>
#include <string_view>

namespace bootview::tftp {

// Firmware is careless with names: Windows asks with backslashes, many clients with a leading or a
// doubled slash, some PXE ROMs append control characters or 0xff. The result is relative. ".."
// stays in it: the kernel resolves it, and keeps it inside the root (see file_root.h).
std::string clean_name(std::string_view asked);

// For log lines: control characters and bytes beyond ASCII as \xNN, and not longer than 200
// characters. A client must not be able to write escape sequences or lines of its own into a log.
std::string printable(std::string_view text);

} // namespace bootview::tftp
