#include "tftp-bridge/tftp/file_content.h"

#include "tftp-bridge/tftp/netascii.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bootview::tftp {

namespace {

ssize_t read_what_is_cached(int fd, void* buffer, std::size_t size, off_t offset) {
    const iovec part{buffer, size};
    return preadv2(fd, &part, 1, offset, RWF_NOWAIT);
}

} // namespace

const FileCalls& FileCalls::system() {
    static constexpr FileCalls calls{::pread, ::fstat, read_what_is_cached};
    return calls;
}

FileContent::FileContent(OpenFile file, Mode mode, FileCalls calls)
    : file_(std::move(file)), mode_(mode), calls_(calls) {
    if (!file_.version.empty() && mode == Mode::netascii)
        file_.version += 'n';
}

ReadResult FileContent::prepare() {
    if (mode_ == Mode::octet)
        return ReadResult::ok;
    starts_.assign(1, 0);
    const auto count = chunks();
    for (std::uint64_t i = 0; i < count; ++i) {
        Chunk raw;
        if (const auto result = read(i, raw); result != ReadResult::ok)
            return result;
        starts_.push_back(starts_.back() + netascii_size(Bytes(raw.bytes.get(), raw.size)));
    }
    return verify();
}

std::uint64_t FileContent::length() const {
    return mode_ == Mode::octet ? file_.length : starts_.back();
}

std::uint64_t FileContent::chunk_at(std::uint64_t offset) const {
    if (mode_ == Mode::octet)
        return offset / chunk_bytes;
    const auto behind = std::upper_bound(starts_.begin(), starts_.end(), offset);
    return static_cast<std::uint64_t>(behind - starts_.begin()) - 1;
}

std::uint64_t FileContent::start_of(std::uint64_t chunk) const {
    return mode_ == Mode::octet ? chunk * chunk_bytes : starts_.at(chunk);
}

std::uint64_t FileContent::chunks() const {
    return (file_.length + raw_chunk_bytes() - 1) / raw_chunk_bytes();
}

std::size_t FileContent::raw_chunk_bytes() const {
    return mode_ == Mode::octet ? chunk_bytes : chunk_bytes / 2;
}

ReadResult FileContent::load(std::uint64_t chunk, Chunk& result) const {
    const auto got = read(chunk, result);
    return got == ReadResult::ok ? finish(chunk, result) : got;
}

std::optional<ReadResult> FileContent::load_now(std::uint64_t chunk, Chunk& result) const {
    if (!file_.local || !calls_.read_cached)
        return std::nullopt;
    result = make_chunk(raw_size(chunk));
    const auto got = calls_.read_cached(file_.fd.get(), result.bytes.get(), result.size,
                                        static_cast<off_t>(chunk * raw_chunk_bytes()));
    if (got != static_cast<ssize_t>(result.size))
        return std::nullopt; // a part is not in memory, or it has failed; load() will tell
    return finish(chunk, result);
}

// From the file's bytes to those on the wire, if they are of the version that was opened.
ReadResult FileContent::finish(std::uint64_t chunk, Chunk& result) const {
    if (mode_ == Mode::netascii) {
        const Bytes raw(result.bytes.get(), result.size);
        const auto size = netascii_size(raw);
        if (size != starts_.at(chunk + 1) - starts_.at(chunk))
            return ReadResult::changed;
        auto encoded = make_chunk(size);
        netascii_encode(raw, {encoded.bytes.get(), encoded.size});
        result = std::move(encoded);
    }
    return verify();
}

std::size_t FileContent::raw_size(std::uint64_t chunk) const {
    return static_cast<std::size_t>(
        std::min<std::uint64_t>(raw_chunk_bytes(), file_.length - chunk * raw_chunk_bytes()));
}

ReadResult FileContent::read(std::uint64_t chunk, Chunk& result) const {
    const std::uint64_t start = chunk * raw_chunk_bytes();
    result = make_chunk(raw_size(chunk));
    for (std::size_t done = 0; done < result.size;) {
        const auto got = calls_.read_at(file_.fd.get(), result.bytes.get() + done,
                                        result.size - done, static_cast<off_t>(start + done));
        if (got > 0)
            done += static_cast<std::size_t>(got);
        else if (got == 0 || errno == ESTALE)
            return ReadResult::changed;
        else if (errno != EINTR)
            return ReadResult::unreadable;
    }
    return ReadResult::ok;
}

ReadResult FileContent::verify() const {
    struct stat info {};
    if (calls_.status(file_.fd.get(), &info) != 0)
        return errno == ESTALE ? ReadResult::changed : ReadResult::unreadable;
    const bool same = static_cast<std::uint64_t>(info.st_size) == file_.length &&
                      info.st_mtim.tv_sec == file_.modified.tv_sec &&
                      info.st_mtim.tv_nsec == file_.modified.tv_nsec;
    return same ? ReadResult::ok : ReadResult::changed;
}

} // namespace bootview::tftp
