// One client's connection as TCP knows it: is there still somebody at the other end?
#pragma once

#include "common/descriptor.h"

#include <chrono>

#include <sys/socket.h>

namespace bootview::plugin {

// What is known of a connection at this moment.
struct Life {
    bool ended = false;                  // closed or reset; its last requests may still be at work
    std::chrono::milliseconds silent{0}; // since the last packet from the client
};

class ClientLink {
public:
    ClientLink() = default;
    virtual ~ClientLink() = default;
    ClientLink(const ClientLink&) = delete;
    ClientLink& operator=(const ClientLink&) = delete;

    virtual Life look() noexcept = 0;
    // Asks a client that has been silent for a second to answer at once. One that has been
    // restarted since answers that it knows of no such connection, which ends it.
    virtual void ask() noexcept = 0;
    virtual void stop_asking() noexcept = 0;
    // From now on a client that does not answer loses its connection within 20 seconds.
    virtual void be_impatient() noexcept = 0;
    // No further request is received on it.
    virtual void end() noexcept = 0;
};

// A TCP connection of this process.
class TcpLink : public ClientLink {
public:
    explicit TcpLink(Descriptor socket);

    Life look() noexcept override;
    void ask() noexcept override;
    void stop_asking() noexcept override;
    void be_impatient() noexcept override;
    void end() noexcept override;

private:
    void set(int level, int option, int value) noexcept;

    Descriptor socket_;
    int idle_ = 0; // s of silence before a probe (TCP_KEEPIDLE), when it is not being asked
};

// A descriptor of its own for the TCP connection whose other end has this address: nbdkit does not
// say which one is its. Empty: it is not found.
Descriptor find_connection(const sockaddr_storage& peer);

} // namespace bootview::plugin
