#include "tftp-bridge/tftp/block_source.h"

#include <algorithm>
#include <utility>

namespace bootview::tftp {

Bytes BlockSource::find(std::uint64_t offset, const SendBatch& batch) {
    const auto bytes = file_->resident(offset);
    // What is in the batch goes out first: reading could drop what it points to.
    if (!bytes.empty() || batch.packets() != 0 || !file_->request(offset, waiter_))
        return bytes;
    return file_->resident(offset);
}

void BlockSource::fill(SendBatch& batch, std::uint64_t first, std::uint32_t count,
                       Rollover rollover) {
    const auto end_of_file = length();
    batch.clear();
    // Only now: this drops what the last batch pointed to.
    if (entered_)
        file_->move_on(*std::exchange(entered_, std::nullopt));
    Bytes rest; // of the chunk we are in
    for (std::uint64_t block = first; block < first + count && !batch.full(); ++block) {
        const auto start = (block - 1) * block_size_;
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(block_size_, end_of_file - start));
        if (size == 0) { // the last block of a file whose others are all full
            batch.add(to_wire(block, rollover), {}, {});
            return;
        }
        if (rest.empty()) {
            rest = find(start, batch);
            if (rest.empty())
                return;
            if (start >= end_of_chunk_) {
                end_of_chunk_ = start + rest.size();
                entered_ = start;
            }
        }
        const auto data = rest.first(std::min(size, rest.size()));
        rest = rest.subspan(data.size());
        const auto missing = size - data.size();
        if (missing != 0) { // goes on in the next chunk
            rest = find(start + data.size(), batch);
            if (rest.empty())
                return;
        }
        batch.add(to_wire(block, rollover), data, rest.first(missing));
        rest = rest.subspan(missing);
    }
}

} // namespace bootview::tftp
