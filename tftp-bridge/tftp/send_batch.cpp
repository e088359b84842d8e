#include "tftp-bridge/tftp/send_batch.h"

#include <algorithm>

namespace bootview::tftp {

SendBatch::SendBatch() : data_(buffer_bytes) {
    for (std::size_t i = 0; i < most_packets; ++i) {
        parts_[i][0] = {headers_[i].data(), headers_[i].size()};
        messages_[i].msg_hdr.msg_iov = parts_[i].data();
        messages_[i].msg_hdr.msg_iovlen = parts_[i].size();
    }
}

BlockSource::Result SendBatch::fill(const BlockSource& source, std::uint64_t first,
                                    std::uint32_t count, Rollover rollover) {
    const auto block_size = source.block_size();
    filled_ =
        std::min({count, most_packets, static_cast<std::uint32_t>(buffer_bytes / block_size)});
    if (const auto result = source.read(first, filled_, data_); result != BlockSource::Result::ok)
        return result;
    for (std::uint32_t i = 0; i < filled_; ++i) {
        write_data_header(headers_[i], to_wire(first + i, rollover));
        parts_[i][1] = {data_.data() + std::size_t{i} * block_size, source.bytes_in(first + i)};
    }
    return BlockSource::Result::ok;
}

int SendBatch::send(int socket, int flags) {
    if (filled_ == 1)
        return sendmsg(socket, &messages_[0].msg_hdr, flags) < 0 ? -1 : 1;
    return sendmmsg(socket, messages_.data(), filled_, flags);
}

} // namespace bootview::tftp
