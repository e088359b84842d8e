#include "tftp-bridge/tftp/chunk.h"

#include <mutex>
#include <vector>

namespace bootview::tftp {
namespace {

class Spare {
public:
    std::byte* take() {
        const std::lock_guard lock(mutex_);
        if (free_.empty())
            return nullptr;
        auto* bytes = free_.back();
        free_.pop_back();
        return bytes;
    }
    bool give(std::byte* bytes) {
        const std::lock_guard lock(mutex_);
        if (free_.size() == most)
            return false;
        free_.push_back(bytes);
        return true;
    }

private:
    static constexpr std::size_t most = 64; // 8 MiB
    std::mutex mutex_;
    std::vector<std::byte*> free_;
};

Spare& spare() {
    static auto* const instance = new Spare; // outlives a thread that is left behind
    return *instance;
}

} // namespace

void ChunkDeleter::operator()(std::byte* bytes) const {
    if (size != chunk_bytes || !spare().give(bytes))
        delete[] bytes;
}

Chunk make_chunk(std::size_t size) {
    auto* bytes = size == chunk_bytes ? spare().take() : nullptr;
    if (!bytes)
        bytes = new std::byte[size];
    return {{bytes, ChunkDeleter{size}}, size};
}

} // namespace bootview::tftp
