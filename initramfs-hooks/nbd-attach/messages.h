// The messages of the generic netlink family `nbd` (linux/nbd-netlink.h), as bytes: built here,
// taken apart here, no I/O. Numbers are in the machine's own byte order, as netlink has them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace bootview::nbd {

using Bytes = std::span<const std::byte>;

// One request, ready to be sent. It asks for an acknowledgement.
class Message {
public:
    Message(std::uint16_t family, std::uint8_t command, std::uint8_t version,
            std::uint32_t sequence);

    void add(std::uint16_t attribute, std::uint32_t value) { add(attribute, &value, sizeof value); }
    void add(std::uint16_t attribute, std::uint64_t value) { add(attribute, &value, sizeof value); }
    void add(std::uint16_t attribute, const char* text); // with its zero
    // What is added between the two is inside the attribute.
    std::size_t open(std::uint16_t attribute);
    void close(std::size_t opened);

    Bytes bytes() const { return {buffer_.data(), length_}; }

private:
    void add(std::uint16_t attribute, const void* data, std::size_t size);
    void append(const void* data, std::size_t size);

    std::size_t length_ = 0;
    alignas(4) std::array<std::byte, 256> buffer_{};
};

// The family as this kernel has numbered it.
struct Family {
    std::uint16_t id = 0;
    std::uint32_t group = 0; // where NBD_CMD_LINK_DEAD is announced
};

// How a device is to be set up.
struct Device {
    std::uint32_t index = 0; // 3 of /dev/nbd3
    std::uint64_t size = 0;  // bytes
    std::uint64_t block_size = 512;
    std::uint64_t timeout = 0;                 // s, of one request
    std::uint64_t dead_connection_timeout = 0; // s, for which requests wait without a connection
    std::uint64_t server_flags = 0;
};

Message ask_for_family(std::uint32_t sequence);
Message connect_device(const Family& family, const Device& device, int socket,
                       std::uint32_t sequence);
// A new socket for the one that died; size 0: as it was.
Message reconfigure_device(const Family& family, std::uint32_t index, std::uint64_t size,
                           int socket, std::uint32_t sequence);
Message disconnect_device(const Family& family, std::uint32_t index, std::uint32_t sequence);
Message ask_for_status(const Family& family, std::uint32_t index, std::uint32_t sequence);

// Answers. Any bytes may be given; what is cut off or of another kind is no answer.

// 0, or the errno of the request with this number; nullopt: not in there.
std::optional<int> find_acknowledgement(Bytes datagram, std::uint32_t sequence);
std::optional<Family> find_family(Bytes datagram);
// Is a link of the device announced as dead?
bool announces_dead_link(Bytes datagram, const Family& family, std::uint32_t index);
// Is the device set up?
std::optional<bool> find_status(Bytes datagram, const Family& family, std::uint32_t index);

} // namespace bootview::nbd
