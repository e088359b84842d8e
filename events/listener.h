// The end of whoever wants to know what the parts tell.
#pragma once

#include "common/acceptor.h"
#include "common/descriptor.h"
#include "events/event.h"

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace bootview::events {

// Not thread-safe. A part is known by a number for as long as it is connected.
class Listener {
public:
    struct Handlers {
        std::function<void(std::uint64_t part, const Event& event)> event;
        std::function<void(std::uint64_t part)>
            gone; // what it told to be going on, goes on no more
    };

    // Replaces a socket that a dead listener left behind. Throws std::runtime_error, in words for
    // the user: somebody else listens there, or it cannot be made.
    Listener(std::string path, Handlers handlers);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener(); // removes the socket

    int fd() const { return epoll_.get(); } // readable: call handle()
    void handle();

private:
    void accept_part();
    void hear(int fd);

    std::string path_;
    Handlers handlers_;
    Descriptor epoll_;
    Descriptor listener_;
    std::optional<Acceptor> acceptor_;
    struct Part {
        Descriptor socket;
        std::uint64_t number;
    };
    std::map<int, Part> parts_; // by descriptor
    std::uint64_t next_ = 1;
};

} // namespace bootview::events
