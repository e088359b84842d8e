// One open file as the bytes that go over the wire, read in large chunks.
//
// What is read is of one version of the file, or it is refused. The file system may tell by itself
// that the file is another one now (fuse-fatimg answers ESTALE); for any other we compare what can
// be seen: a read that comes short, and, after each read, size and modification time.
//
// netascii (netascii.h) makes a file longer, and by how much is known only when it has been read:
// so it is read once in the beginning, and the place where each chunk will start is kept. From then
// on both modes are alike, and any part can be read again.
#pragma once

#include "tftp-bridge/tftp/chunk.h"
#include "tftp-bridge/tftp/file_root.h"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bootview::tftp {

// The way to the operating system, so that a test can let it fail.
struct FileCalls {
    ssize_t (*read_at)(int fd, void* buffer, std::size_t size, off_t offset);
    int (*status)(int fd, struct stat* info);
    // As read_at, but fails, or comes short, instead of waiting for a disk.
    ssize_t (*read_cached)(int fd, void* buffer, std::size_t size, off_t offset) = nullptr;
    static const FileCalls& system();
};

enum class Mode { octet, netascii };

enum class ReadResult {
    ok,
    changed,    // it is not the file any more that was opened
    unreadable, // the file system cannot deliver it
};

// Reading may block unless it says otherwise, as long as the file system likes. After prepare() the
// object does not change, and any number of threads may use it.
class FileContent {
public:
    FileContent(OpenFile file, Mode mode, FileCalls calls = FileCalls::system());

    // To be called once, before anything else. Does nothing in octet mode.
    ReadResult prepare();

    std::uint64_t length() const; // bytes on the wire
    // The chunk that holds the byte at `offset`, and where it starts; both on the wire.
    std::uint64_t chunk_at(std::uint64_t offset) const;
    std::uint64_t start_of(std::uint64_t chunk) const;
    std::uint64_t chunks() const;

    ReadResult load(std::uint64_t chunk, Chunk& result) const;
    // The same, without waiting for anything; nothing if that cannot be.
    std::optional<ReadResult> load_now(std::uint64_t chunk, Chunk& result) const;
    // Whether the file is still as it was when it was opened.
    ReadResult verify() const;

    // Whether verify() is answered without waiting for another program or machine.
    bool local() const { return file_.local; }
    dev_t device() const { return file_.device; }
    // As in file_version.h, but of the bytes on the wire.
    const std::string& version() const { return file_.version; }

private:
    // No block of TFTP is larger than the half of a chunk. In netascii a chunk may be twice as long
    // on the wire, so it takes half as many bytes of the file.
    std::size_t raw_chunk_bytes() const;
    std::size_t raw_size(std::uint64_t chunk) const;
    ReadResult read(std::uint64_t chunk, Chunk& result) const;
    ReadResult finish(std::uint64_t chunk, Chunk& result) const;

    OpenFile file_;
    Mode mode_;
    FileCalls calls_;
    std::vector<std::uint64_t> starts_; // netascii: of each chunk, and the end
};

} // namespace bootview::tftp
