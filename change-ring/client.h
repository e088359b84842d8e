// The subscriber's end of the socket that hands out a change ring; protocol.h is what is said.
#pragma once

#include "common/descriptor.h"

#include <chrono>
#include <memory>
#include <string>

namespace bootview::ring {

class Subscriber;

// A connection and the ring it led to. The ring is right only while the connection stands.
struct Connection {
    Descriptor socket; // non-blocking
    std::unique_ptr<Subscriber> ring;
};

// Connects and shakes hands, waiting at most `patience` for the answer. Nobody there: an empty
// Connection. Throws std::runtime_error when there is somebody, but no ring to be had: refused,
// another ABI version, a server that belongs to neither root, this user nor the image's owner.
Connection connect(const std::string& path, uid_t image_owner,
                   std::chrono::milliseconds patience = std::chrono::milliseconds{500});

enum class Heard {
    nothing, // no message is waiting
    wake,    // look at the ring
    end,     // the server is gone
};
// Takes all messages that wait on the socket; never blocks.
Heard hear(const Connection& connection) noexcept;

} // namespace bootview::ring
