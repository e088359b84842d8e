#include "tftp-bridge/tftp/block_source.h"

#include <algorithm>

namespace bootview::tftp {

void BlockSource::fill(SendBatch& batch, std::uint64_t first, std::uint32_t count,
                       Rollover rollover) {
    const auto end_of_file = length();
    batch.clear();
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
            rest = file_->resident(start);
            if (rest.empty()) {
                if (batch.packets() == 0)
                    file_->request(start, waiter_);
                return;
            }
            if (start >= read_ahead_from_) {
                file_->read_ahead(start);
                read_ahead_from_ = start + rest.size();
            }
        }
        const auto data = rest.first(std::min(size, rest.size()));
        rest = rest.subspan(data.size());
        const auto missing = size - data.size();
        if (missing != 0) { // goes on in the next chunk
            rest = file_->resident(start + data.size());
            if (rest.empty()) {
                if (batch.packets() == 0)
                    file_->request(start + data.size(), waiter_);
                return;
            }
        }
        batch.add(to_wire(block, rollover), data, rest.first(missing));
        rest = rest.subspan(missing);
    }
}

} // namespace bootview::tftp
