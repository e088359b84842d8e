// How packets get to the client of one transfer, and from which address: by a connected socket of
// the transfer's own (RFC 1350 §4), or by the socket that takes the requests (--single-port).
#pragma once

#include "common/descriptor.h"
#include "tftp-bridge/tftp/endpoint.h"
#include "tftp-bridge/tftp/packet.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace bootview::tftp {

class Channel {
public:
    // Room for what a message says besides its data: the size of segments and the sender's address.
    static constexpr std::size_t control_bytes =
        CMSG_SPACE(sizeof(std::uint16_t)) + CMSG_SPACE(sizeof(in6_pktinfo));

    // `interface`: the index of the one the request came in by, and the answers go out by.
    Channel(Descriptor connected, unsigned interface);
    Channel(int listener, const Endpoint& local, const Endpoint& client, unsigned interface);

    int fd() const { return fd_; }
    bool is_own() const { return static_cast<bool>(own_); }
    unsigned interface() const { return interface_; }

    // Fills in where the message goes. `control` has control_bytes and lives as long as the
    // message; a `segment` other than 0 lets the kernel cut the data into packets of this size
    // (UDP_SEGMENT).
    void address(msghdr& message, std::byte* control, std::uint16_t segment) const;

    // Sends one packet, without waiting; false and errno if that fails.
    bool send(Bytes packet, int flags) const;

private:
    Descriptor own_;
    int fd_;
    unsigned interface_;
    Endpoint local_;
    sockaddr_storage client_{};
    socklen_t client_length_ = 0; // 0 for a connected socket
};

} // namespace bootview::tftp
