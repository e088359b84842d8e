// A run of DATA packets on its way out: one system call for many.
//
// There is one of these per server, not per transfer: nothing in it outlives a call, and the data
// stays where it was read to. A window that is larger than the batch, or than the socket's buffer,
// goes out in parts.
//
// Packets of one size go to the kernel as one message that it cuts into pieces (UDP_SEGMENT), which
// costs a fraction of sending each. Some network devices cannot; what goes out by their interface
// is sent packet by packet from then on.
#pragma once

#include "tftp-bridge/tftp/channel.h"
#include "tftp-bridge/tftp/packet.h"

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_set>

namespace bootview::tftp {

class SendBatch {
public:
    static constexpr std::uint32_t most_packets = 64;

    SendBatch();
    SendBatch(const SendBatch&) = delete; // the tables below point into each other
    SendBatch& operator=(const SendBatch&) = delete;

    void clear();
    bool full() const { return packets_ == most_packets; }
    std::uint32_t packets() const { return packets_; }
    // A DATA packet with this number; its data in two parts, the second mostly empty. They have to
    // stay where they are until the batch is sent.
    void add(std::uint16_t number, Bytes data, Bytes rest);

    // Sends it, without waiting; the number of packets that went out, or -1 and errno if none did.
    int send(const Channel& channel, int flags);

private:
    static constexpr std::size_t parts_per_packet = 3;
    // As much as one UDP datagram may have, with the headers of IPv6 before it.
    static constexpr std::size_t most_message_bytes = 65535 - 40 - 8;

    int send_messages(const Channel& channel, int flags, bool segmented);

    std::array<std::array<std::byte, data_header_bytes>, most_packets> headers_{};
    std::array<iovec, most_packets * parts_per_packet> parts_{};
    std::array<std::size_t, most_packets> first_part_{}; // of each packet
    std::array<std::size_t, most_packets> sizes_{};      // bytes
    std::size_t parts_used_ = 0;
    std::uint32_t packets_ = 0;

    std::array<mmsghdr, most_packets> messages_{};
    std::array<std::uint32_t, most_packets> packets_in_{}; // each message
    struct alignas(cmsghdr) Control {
        std::array<std::byte, Channel::control_bytes> bytes;
    };
    std::array<Control, most_packets> controls_{};
    std::unordered_set<unsigned> plain_interfaces_; // those that do not take segments
};

} // namespace bootview::tftp
