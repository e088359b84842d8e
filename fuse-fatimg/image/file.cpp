#include "fuse-fatimg/image/file.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bootview::image {

namespace {

[[noreturn]] void fail(int error, const char* what) {
    throw std::system_error(error, std::generic_category(), what);
}

} // namespace

File::File(const std::string& path)
    : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) {
    if (!file_)
        fail(errno, "open");
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0)
        fail(errno, "fstat");
    block_device_ = S_ISBLK(status.st_mode);
    if (!block_device_ && !S_ISREG(status.st_mode))
        fail(S_ISDIR(status.st_mode) ? EISDIR : EINVAL, "open");
    id_ = ring::identify(file_.get());
    owner_ = status.st_uid;
}

std::uint64_t File::size() const {
    if (block_device_) { // has no st_size
        const off_t end = ::lseek(file_.get(), 0, SEEK_END);
        if (end < 0)
            fail(errno, "lseek");
        return static_cast<std::uint64_t>(end);
    }
    return stamp().size;
}

Stamp File::stamp() const {
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0)
        fail(errno, "fstat");
    return {static_cast<std::uint64_t>(status.st_size), status.st_mtim, status.st_ctim};
}

bool File::is_still_there() const {
    struct stat status {};
    if (::stat(path_.c_str(), &status) != 0)
        return false;
    if (S_ISBLK(status.st_mode))
        return id_ == ring::ImageId{status.st_rdev, 0};
    return id_ == ring::ImageId{status.st_dev, status.st_ino};
}

bool File::read(std::uint64_t offset, std::span<std::byte> data) const {
    std::size_t done = 0;
    while (done < data.size()) {
        const ssize_t n = ::pread(file_.get(), data.data() + done, data.size() - done,
                                  static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            fail(errno, "pread");
        if (n == 0)
            return false;
        done += static_cast<std::size_t>(n);
    }
    return true;
}

} // namespace bootview::image
