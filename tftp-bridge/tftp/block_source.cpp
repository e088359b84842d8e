#include "tftp-bridge/tftp/block_source.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bootview::tftp {

const FileCalls& FileCalls::system() {
    static constexpr FileCalls calls{::pread, ::fstat};
    return calls;
}

BlockSource::BlockSource(OpenFile file, std::uint32_t block_size, FileCalls calls)
    : file_(std::move(file)), block_size_(block_size), calls_(calls) {}

BlockSource::Result BlockSource::read(std::uint64_t first, std::uint32_t count,
                                      std::span<std::byte> buffer) const {
    const std::uint64_t start = (first - 1) * block_size_;
    const std::uint64_t end = std::min(file_.length, start + std::uint64_t{count} * block_size_);

    for (std::uint64_t at = start; at < end;) {
        const auto got = calls_.read_at(file_.fd.get(), buffer.data() + (at - start), end - at,
                                        static_cast<off_t>(at));
        if (got > 0)
            at += static_cast<std::uint64_t>(got);
        else if (got == 0 || errno == ESTALE)
            return Result::changed;
        else if (errno != EINTR)
            return Result::unreadable;
    }
    const bool holds_last = first + count > file_.length / block_size_ + 1;
    return holds_last && !is_unchanged() ? Result::changed : Result::ok;
}

std::uint32_t BlockSource::bytes_in(std::uint64_t block) const {
    const std::uint64_t start = (block - 1) * block_size_;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(block_size_, file_.length - start));
}

bool BlockSource::is_unchanged() const {
    struct stat info {};
    return calls_.status(file_.fd.get(), &info) == 0 &&
           static_cast<std::uint64_t>(info.st_size) == file_.length &&
           info.st_mtim.tv_sec == file_.modified.tv_sec &&
           info.st_mtim.tv_nsec == file_.modified.tv_nsec;
}

} // namespace bootview::tftp
