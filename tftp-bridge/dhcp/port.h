// The sockets that DHCP comes in by and answers leave by, each with its own way.
//
// A request is a broadcast, and the socket for it is bound to 255.255.255.255 on one interface. So
// it gets the broadcasts, and a DHCP server on the same machine keeps the unicasts, with which its
// clients renew their leases; bound to the interface's address or to 0.0.0.0 we would take those
// away from it. Where a DHCP server does not share the port (no SO_REUSEADDR), we read and write
// whole packets instead.
#pragma once

#include "common/descriptor.h"
#include "tftp-bridge/dhcp/packet.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace bootview::dhcp {

enum class Way : std::uint8_t {
    broadcasts,  // port 67 of 255.255.255.255
    relays,      // port 67 of our own address: what relay agents send
    frames,      // whole packets to port 67 (packet(7))
    boot_server, // port 4011
};

// A request as it came in; `datagram` lies in the caller's buffer.
struct Received {
    Bytes datagram;
    int interface = 0;
    Ipv4 from;
    std::uint16_t from_port = 0;
    Ipv4 to; // 255.255.255.255 for a broadcast
};

class Port {
public:
    Port(Descriptor fd, Way way, int interface)
        : fd_(std::move(fd)), way_(way), interface_(interface) {}

    int fd() const { return fd_.get(); }
    Way way() const { return way_; }
    int interface() const { return interface_; } // 0: several
    std::uint16_t number() const {
        return way_ == Way::boot_server ? boot_server_port : server_port;
    }

    // The next request, if one waits. `more` tells whether another call makes sense.
    std::optional<Received> receive(std::span<std::uint8_t> buffer, bool& more) const;
    // From `local`, out of `interface`. False, and errno set, if that cannot be.
    bool send(Bytes packet, int interface, Ipv4 local, Ipv4 to, std::uint16_t to_port) const;

private:
    std::optional<Received> receive_frame(std::span<std::uint8_t> buffer, bool& more) const;

    Descriptor fd_;
    Way way_;
    int interface_;
};

// Each without a descriptor, and errno set, if it cannot be had.
Descriptor open_broadcast_socket(const std::string& interface);
Descriptor open_relay_socket(const std::string& interface, Ipv4 address);
Descriptor open_frame_socket(int interface);
Descriptor open_boot_server_socket();
// What a socket needs that the service manager has opened. False if it is no IPv4 UDP socket.
bool prepare_inherited_socket(int fd);

} // namespace bootview::dhcp
