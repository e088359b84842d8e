// Asks a server on a Unix socket of this machine, as the monitor and tftp-bridge have them.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace bootview::monitor {

// The body of the answer to a GET (HTTP/1.0); nothing if nobody answers within `patience`, or with
// anything but 200.
std::optional<std::string> http_get(const std::string& socket, const std::string& path,
                                    std::chrono::milliseconds patience);

} // namespace bootview::monitor
