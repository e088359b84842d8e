// A part of a file in memory.
//
// Full chunks come from memory that was used before: a page that is touched for the first time
// costs more than all the rest of sending what is in it. Only as much is kept as is read at the
// same time; the chunks themselves are FileCache's to count.
#pragma once

#include <cstddef>
#include <memory>

namespace bootview::tftp {

// Bytes of a full chunk.
inline constexpr std::size_t chunk_bytes = 128 * 1024;

struct ChunkDeleter {
    std::size_t size = 0;
    void operator()(std::byte* bytes) const;
};

struct Chunk {
    std::unique_ptr<std::byte[], ChunkDeleter> bytes;
    std::size_t size = 0;
};

// Not initialised. May be called by any thread, as chunks may be destroyed by any.
Chunk make_chunk(std::size_t size);

} // namespace bootview::tftp
