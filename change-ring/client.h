// The subscriber's end of the socket that hands out a change ring; protocol.h is what is said.
#pragma once

#include "common/descriptor.h"

#include <chrono>
#include <memory>
#include <string>

#include <sys/types.h>

namespace bootview::ring {

class Subscriber;

// A connection and the ring it led to. The ring is right only while the connection stands.
struct Connection {
    Connection();
    Connection(Connection&&) noexcept;
    Connection& operator=(Connection&&) noexcept;
    ~Connection();

    Descriptor socket; // non-blocking
    std::unique_ptr<Subscriber> ring;
};

// A handshake under way. None of its calls blocks, so it may be made with a lock held: a server
// that is stopped has its socket bound, and answers nobody.
class Handshake {
public:
    // Connects and says hello. Nobody there: null. Throws std::runtime_error when there is
    // somebody, but no ring to be had: no permission, or a server that belongs to neither root,
    // this user nor the image's owner.
    static std::unique_ptr<Handshake> begin(const std::string& path, uid_t image_owner);

    enum class Progress {
        waiting, // for the answer
        over,    // the server closed the connection
        done,    // take() the connection
    };
    // Throws std::runtime_error when the server refuses, or has another ABI version.
    Progress proceed();
    Connection take() { return std::move(connection_); }
    const std::string& path() const { return path_; }
    int socket() const { return connection_.socket.get(); }

private:
    Handshake(std::string path, Descriptor socket);

    std::string path_;
    Connection connection_;
};

// All of it at once, waiting at most `patience` for the answer. Nobody there, or no answer: an
// empty Connection.
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
