// Sends runs of DATA packets: one read of the file, one system call for many packets.
//
// There is one of these per server, not per transfer: nothing in it outlives a call. A window that
// is larger than the batch, or than the socket's buffer, goes out in parts, read anew from the page
// cache; so an open transfer costs no memory for data. Headers and data lie as UDP_SEGMENT wants
// them.
#pragma once

#include "tftp-bridge/tftp/block_number.h"
#include "tftp-bridge/tftp/block_source.h"

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bootview::tftp {

class SendBatch {
public:
    static constexpr std::uint32_t most_packets = 64;
    static constexpr std::size_t buffer_bytes = 128 * 1024; // at least one block of 65464

    SendBatch();
    SendBatch(const SendBatch&) = delete; // the tables below point into each other
    SendBatch& operator=(const SendBatch&) = delete;

    // Prepares as many of the blocks `first` … first + count - 1 as fit; filled() says how many.
    BlockSource::Result fill(const BlockSource& source, std::uint64_t first, std::uint32_t count,
                             Rollover rollover);
    std::uint32_t filled() const { return filled_; }

    // Sends what is prepared; the number of packets that went out, or -1 and errno if none did.
    int send(int socket, int flags);

private:
    std::vector<std::byte> data_;
    std::array<std::array<std::byte, data_header_bytes>, most_packets> headers_{};
    std::array<std::array<iovec, 2>, most_packets> parts_{};
    std::array<mmsghdr, most_packets> messages_{};
    std::uint32_t filled_ = 0;
};

} // namespace bootview::tftp
