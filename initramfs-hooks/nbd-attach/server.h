// The server: where it is, and a connection to it with the handshake behind it.
#pragma once

#include "common/descriptor.h"
#include "handshake.h"

#include <cstdint>
#include <string_view>

#include <netinet/in.h>

namespace bootview::nbd {

// An IP address, with an interface behind a % where it is link-local, and a port.
class Server {
public:
    // False: not an address. Names are not looked up: there is no resolver in an initramfs.
    bool set(const char* address, std::uint16_t port);

    const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&address_); }
    socklen_t length() const { return length_; }
    Text name() const; // for messages
private:
    sockaddr_storage address_{};
    socklen_t length_ = 0;
    const char* host_ = "";
    std::uint16_t port_ = 0;
};

// Connects and shakes hands; all of that within `patience` seconds. An empty descriptor: `failure`
// says why. It is ready for the kernel: blocking, and its peer's death is noticed.
Descriptor connect_to(const Server& server, std::string_view export_name, unsigned patience,
                      Export& found, Text& failure);

} // namespace bootview::nbd
