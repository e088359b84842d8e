// The kernel's NBD driver: sockets of generic netlink, and what messages.h says over them.
#pragma once

#include "common/descriptor.h"
#include "messages.h"

#include <optional>

namespace bootview::nbd {

class Kernel {
public:
    // Finds the driver and begins to listen to it. 0, or an errno: ENOENT is a kernel without it.
    int open();

    // Each: 0, or the errno of the kernel.
    int connect(const Device& device, int socket);
    int reconfigure(std::uint32_t index, std::uint64_t size, int socket);
    int disconnect(std::uint32_t index);
    // Is the device set up? nullopt: the kernel did not say.
    std::optional<bool> status(std::uint32_t index);

    // Waits, at most that long, for the news that the connection of a device died. False: no such
    // news.
    bool wait_for_dead_link(std::uint32_t index, int milliseconds);

private:
    // Sends, and gives every datagram that comes to `look` until the request is acknowledged.
    template<typename Look>
    int request(const Message& message, Look look);

    Descriptor requests_; // and their answers
    Descriptor news_;     // what the driver announces to everybody
    Family family_;
    std::uint32_t sequence_ = 0;
};

} // namespace bootview::nbd
