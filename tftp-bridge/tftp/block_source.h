// Where the blocks of a transfer come from: an open file, by offset.
//
// A transfer is of one version of its file or it ends with an error. The file system may tell by
// itself that the file is another one now (fuse-fatimg answers ESTALE); for any other we compare
// what can be seen: a read that comes short, and, before the last block goes out, size and
// modification time. Here is also the place for netascii: it differs from octet only in how blocks
// are filled.
#pragma once

#include "tftp-bridge/tftp/file_root.h"

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace bootview::tftp {

// The way to the operating system, so that a test can let it fail.
struct FileCalls {
    ssize_t (*read_at)(int fd, void* buffer, std::size_t size, off_t offset);
    int (*status)(int fd, struct stat* info);
    static const FileCalls& system();
};

class BlockSource {
public:
    enum class Result {
        ok,
        changed,    // it is not the file any more that was opened
        unreadable, // the file system cannot deliver it
    };

    BlockSource(OpenFile file, std::uint32_t block_size, FileCalls calls = FileCalls::system());

    // Reads the blocks `first` (1 is the first of the file) to first + count - 1 one behind the
    // other into `buffer`, which has room for count * block_size bytes. Only the last of the file
    // is shorter.
    Result read(std::uint64_t first, std::uint32_t count, std::span<std::byte> buffer) const;

    std::uint32_t bytes_in(std::uint64_t block) const;
    std::uint32_t block_size() const { return block_size_; }
    std::uint64_t length() const { return file_.length; }

private:
    bool is_unchanged() const;

    OpenFile file_;
    std::uint32_t block_size_;
    FileCalls calls_;
};

} // namespace bootview::tftp
