// Who is at the other end of the connection that nbdkit is asking about. Only on that connection's
// own threads.
#pragma once

#include "nbdkit-plugin/client_link.h"

#include <memory>
#include <string>

namespace bootview::plugin {

// "192.0.2.1", "2001:db8::1"; an IPv4 address is one, whatever socket it came by. Empty: no IP.
std::string client_address();

// A client as Writers wants it: what is the same of all its connections and of no other client's,
// in words for people.
struct Peer {
    std::string name;                 // "192.0.2.1", "process 1234"
    std::unique_ptr<ClientLink> link; // null: not by TCP
};
Peer find_peer();

} // namespace bootview::plugin
