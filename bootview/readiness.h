// How a part tells that it is ready: by itself (sd_notify(3)), or, for nbdkit, which tells nobody,
// by greeting a client.
#pragma once

#include "bootview/endpoint.h"
#include "common/descriptor.h"

#include <cstdint>
#include <string>

namespace bootview {

// A part's $NOTIFY_SOCKET.
class NotifySocket {
public:
    NotifySocket(); // throws Failure

    int fd() const { return socket_.get(); }
    const std::string& name() const { return name_; } // the value of the variable
    // Takes what has arrived: true if READY=1 was in it, from a process of this user or root.
    bool take_ready();

private:
    Descriptor socket_;
    std::string name_;
};

// A client that connects to an NBD server and leaves in order as soon as it is greeted
// (NBD protocol, "fixed newstyle negotiation"), so that the server has nothing to complain about.
class NbdGreeting {
public:
    // Never waits. `port` on the address, or on loopback where that means every address.
    NbdGreeting(const Address& address, std::uint16_t port);

    int fd() const { return socket_.get(); } // readable means: try take_ready(); -1 if it failed
    bool take_ready();

private:
    Descriptor socket_;
    std::string received_;
};

} // namespace bootview
