// Tells a service manager, or `bootview serve`, that a program is up: sd_notify(3)'s protocol, one
// datagram to $NOTIFY_SOCKET. Without that variable, nothing.
#pragma once

#include <string_view>

namespace bootview {

void notify_service_manager(std::string_view state); // "READY=1"

} // namespace bootview
