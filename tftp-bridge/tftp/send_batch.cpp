#include "tftp-bridge/tftp/send_batch.h"

#include "tftp-bridge/tftp/log.h"

#include <cerrno>
#include <cstring>

namespace bootview::tftp {
namespace {

// What the kernel answers when the device, or the kernel itself, does not cut messages.
bool cannot_segment(int error) {
    return error == EIO || error == EINVAL || error == EOPNOTSUPP || error == ENOPROTOOPT;
}

} // namespace

SendBatch::SendBatch() {
    for (std::size_t i = 0; i < most_packets; ++i)
        messages_[i].msg_hdr = {};
}

void SendBatch::clear() {
    packets_ = 0;
    parts_used_ = 0;
}

void SendBatch::add(std::uint16_t number, Bytes data, Bytes rest) {
    auto& header = headers_[packets_];
    write_data_header(header, number);
    first_part_[packets_] = parts_used_;
    sizes_[packets_] = header.size() + data.size() + rest.size();
    parts_[parts_used_++] = {header.data(), header.size()};
    for (const auto part : {data, rest})
        if (!part.empty())
            parts_[parts_used_++] = {const_cast<std::byte*>(part.data()), part.size()};
    ++packets_;
}

int SendBatch::send(const Channel& channel, int flags) {
    flags |= MSG_DONTWAIT;
    const bool segmented = packets_ > 1 && !plain_interfaces_.contains(channel.interface());
    const int sent = send_messages(channel, flags, segmented);
    if (sent >= 0 || !segmented)
        return sent;
    if (cannot_segment(errno)) {
        plain_interfaces_.insert(channel.interface());
        log::debug("interface {}: the kernel does not cut messages into packets for it ({}); "
                   "packets go out one by one",
                   channel.interface(), std::strerror(errno));
    } else if (errno != EMSGSIZE) { // larger than the way's MTU: sent alone, a packet is fragmented
        return sent;
    }
    return send_messages(channel, flags, false);
}

int SendBatch::send_messages(const Channel& channel, int flags, bool segmented) {
    unsigned count = 0;
    for (std::uint32_t packet = 0; packet < packets_; ++count) {
        const auto first = packet++;
        auto bytes = sizes_[first];
        // All of a message have one size; only its last packet may be shorter.
        while (segmented && packet < packets_ && sizes_[packet - 1] == sizes_[first] &&
               sizes_[packet] <= sizes_[first] && bytes + sizes_[packet] <= most_message_bytes)
            bytes += sizes_[packet++];
        const auto end = packet < packets_ ? first_part_[packet] : parts_used_;
        auto& message = messages_[count].msg_hdr;
        message.msg_iov = &parts_[first_part_[first]];
        message.msg_iovlen = end - first_part_[first];
        packets_in_[count] = packet - first;
        channel.address(message, controls_[count].bytes.data(),
                        packet - first > 1 ? static_cast<std::uint16_t>(sizes_[first]) : 0);
    }
    if (count == 1)
        return sendmsg(channel.fd(), &messages_[0].msg_hdr, flags) < 0
                   ? -1
                   : static_cast<int>(packets_in_[0]);
    const int sent = sendmmsg(channel.fd(), messages_.data(), count, flags);
    if (sent < 0)
        return -1;
    std::uint32_t packets = 0;
    for (int i = 0; i < sent; ++i)
        packets += packets_in_[static_cast<std::size_t>(i)];
    return static_cast<int>(packets);
}

} // namespace bootview::tftp
