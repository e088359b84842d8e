// The blocks of a transfer: its file's bytes, cut as the client wants them.
#pragma once

#include "tftp-bridge/tftp/block_number.h"
#include "tftp-bridge/tftp/file_cache.h"
#include "tftp-bridge/tftp/send_batch.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace bootview::tftp {

class BlockSource {
public:
    // `waiter`: who is called back by the cache.
    BlockSource(std::shared_ptr<CachedFile> file, std::uint32_t block_size, std::uint64_t waiter)
        : file_(std::move(file)), block_size_(block_size), waiter_(waiter) {}

    // Puts as many of the blocks `first` (1 is the first of the file) … first + count - 1 into the
    // batch as are in memory and fit. With none, what is missing is being read, and the waiter will
    // be called; or state() is not ok.
    void fill(SendBatch& batch, std::uint64_t first, std::uint32_t count, Rollover rollover);

    // See CachedFile.
    ReadResult state() const { return file_->state(); }
    bool verify() { return file_->verify(waiter_); }

    // Where a block begins; of the one behind the last, the end.
    std::uint64_t start_of(std::uint64_t block) const {
        return std::min((block - 1) * block_size_, length());
    }
    std::uint32_t block_size() const { return block_size_; }
    std::uint64_t length() const { return file_->length(); } // bytes on the wire

private:
    Bytes find(std::uint64_t offset, const SendBatch& batch);

    std::shared_ptr<CachedFile> file_;
    std::uint32_t block_size_;
    std::uint64_t waiter_;
    std::uint64_t end_of_chunk_ = 0;       // of the furthest one that it has come to
    std::optional<std::uint64_t> entered_; // the offset at which it has come to that
};

} // namespace bootview::tftp
