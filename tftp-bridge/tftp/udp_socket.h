// The UDP sockets: the one that takes requests, and the connected one that each transfer has.
#pragma once

#include "common/descriptor.h"
#include "tftp-bridge/tftp/endpoint.h"
#include "tftp-bridge/tftp/packet.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace bootview::tftp {

struct ReceivedRequest {
    Bytes datagram; // in the caller's buffer; max_request_bytes + 1 long if it was cut off
    Endpoint client;
    Endpoint local;         // the address that was asked, and that has to answer; port 0
    unsigned interface = 0; // the index of the one that it came in by
};

// Ports for transfers; by default the system chooses.
struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0;

    // So few ports that a stranger can send to all of them.
    bool guessable() const { return first != 0 && last - first < 4096; }
};

class Listener {
public:
    // Throws StartError when the address cannot be had.
    explicit Listener(const ListenAddress& address);
    // One that was handed to us, bound. Throws StartError if it is no UDP socket.
    explicit Listener(Descriptor inherited);

    int fd() const { return fd_.get(); }
    const Endpoint& address() const {
        return address_;
    } // with the port the kernel chose for port 0

    // The next request, if one waits. Broadcasts and multicasts are left out (RFC 1123 §4.2.3.5).
    // `more` tells whether another call makes sense.
    std::optional<ReceivedRequest> receive(std::span<std::byte, max_request_bytes + 1> buffer,
                                           bool& more);

private:
    Descriptor fd_;
    Endpoint address_;
};

// A new transfer identifier (RFC 1350 §4): a socket with a port of its own, bound to `local` and
// connected to `client`, so that the kernel drops what others send to it and reports "port
// unreachable". Receiving waits for longest_wait, or for what the kernel makes of so short a time,
// unless told not to. Without a descriptor, and errno set, if that cannot be.
constexpr auto longest_wait = std::chrono::milliseconds(1);
Descriptor open_transfer_socket(const Endpoint& local, const Endpoint& client,
                                const PortRange& ports = {});

// The largest block that fits into one packet on the way to the client without fragments: boot ROMs
// often cannot put fragments together. Nothing if the system does not know the way's MTU.
std::optional<std::uint32_t> largest_unfragmented_block(int socket, sa_family_t family);

} // namespace bootview::tftp
