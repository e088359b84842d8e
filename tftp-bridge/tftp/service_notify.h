// Tells the service manager about the program's state (the protocol of sd_notify(3), without
// libsystemd).
#pragma once

#include <string_view>

namespace bootview::tftp {

// Sends `state` ("READY=1") to the socket that $NOTIFY_SOCKET names; does nothing without one.
void notify_service_manager(std::string_view state);

} // namespace bootview::tftp
