#include "nbdkit-plugin/image_file.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bootview::plugin {

namespace {

// Zeroes are written in pieces of this size where nothing faster works.
constexpr std::size_t zero_piece = 1 << 20;

[[noreturn]] void fail(int error, const char* what) {
    throw std::system_error(error, std::generic_category(), what);
}

bool is_unsupported(int error) {
    return error == EOPNOTSUPP || error == ENOSYS || error == ENOTTY || error == ENODEV;
}

// EINTR and short transfers are dealt with here and nowhere else.
template<typename Transfer>
void transfer_all(std::uint64_t offset, std::size_t count, const char* what, Transfer transfer) {
    std::size_t done = 0;
    while (done < count) {
        const ssize_t n = transfer(done, static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            fail(errno, what);
        if (n == 0) // the image became shorter than it was when the client connected
            fail(EIO, what);
        done += static_cast<std::size_t>(n);
    }
}

} // namespace

ImageFile::ImageFile(const std::string& path, const OpenOptions& options) : cache_(options.cache) {
    if (!options.readonly) {
        file_.reset(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
        writable_ = static_cast<bool>(file_);
        if (!file_ && errno != EACCES && errno != EROFS && errno != EPERM)
            fail(errno, "open");
    }
    if (!file_)
        file_.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file_)
        fail(errno, "open");

    struct stat status {};
    if (::fstat(file_.get(), &status) != 0)
        fail(errno, "fstat");
    block_device_ = S_ISBLK(status.st_mode);
    if (!block_device_ && !S_ISREG(status.st_mode))
        fail(S_ISDIR(status.st_mode) ? EISDIR : EINVAL, "open");
    const off_t end = ::lseek(file_.get(), 0, SEEK_END); // a block device has no st_size
    if (end < 0)
        fail(errno, "lseek");
    size_ = static_cast<std::uint64_t>(end);
    if (block_device_) {
        int sector = 0;
        if (::ioctl(file_.get(), BLKSSZGET, &sector) == 0 && sector > 0)
            device_sector_ = static_cast<std::uint32_t>(sector);
    }
    can_extents_ = ::lseek(file_.get(), 0, SEEK_HOLE) >= 0;
    if (options.fadvise != POSIX_FADV_NORMAL)
        ::posix_fadvise(file_.get(), 0, 0, options.fadvise);
}

bool ImageFile::can_trim() const {
#ifdef FALLOC_FL_PUNCH_HOLE
    return true;
#else
    return false;
#endif
}

void ImageFile::read(std::span<std::byte> data, std::uint64_t offset) {
    transfer_all(offset, data.size(), "pread", [&](std::size_t done, off_t at) {
        return ::pread(file_.get(), data.data() + done, data.size() - done, at);
    });
    if (cache_ == CacheMode::none)
        ::posix_fadvise(file_.get(), static_cast<off_t>(offset), static_cast<off_t>(data.size()),
                        POSIX_FADV_DONTNEED);
}

void ImageFile::write(std::span<const std::byte> data, std::uint64_t offset) {
    transfer_all(offset, data.size(), "pwrite", [&](std::size_t done, off_t at) {
        return ::pwrite(file_.get(), data.data() + done, data.size() - done, at);
    });
    if (cache_ == CacheMode::none)
        forget_written(offset, data.size());
}

void ImageFile::forget_written(std::uint64_t offset, std::uint64_t count) {
    ::sync_file_range(file_.get(), static_cast<off_t>(offset), static_cast<off_t>(count),
                      SYNC_FILE_RANGE_WRITE);
    Range oldest;
    {
        const std::scoped_lock guard{evict_mutex_};
        oldest = std::exchange(evicting_[next_evict_], Range{offset, count});
        next_evict_ = (next_evict_ + 1) % evicting_.size();
    }
    if (oldest.length == 0)
        return;
    ::sync_file_range(
        file_.get(), static_cast<off_t>(oldest.offset), static_cast<off_t>(oldest.length),
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    ::posix_fadvise(file_.get(), static_cast<off_t>(oldest.offset),
                    static_cast<off_t>(oldest.length), POSIX_FADV_DONTNEED);
}

void ImageFile::sync() {
    while (::fdatasync(file_.get()) != 0)
        if (errno != EINTR)
            fail(errno, "fdatasync");
}

// True when the kernel did it; false when this file can't have it done this way.
bool ImageFile::fallocate(int mode, std::uint64_t offset, std::uint64_t count,
                          std::atomic<bool>& supported) {
    if (!supported.load(std::memory_order_relaxed))
        return false;
    int result;
    do
        result =
            ::fallocate(file_.get(), mode, static_cast<off_t>(offset), static_cast<off_t>(count));
    while (result != 0 && errno == EINTR);
    if (result == 0)
        return true;
    if (!is_unsupported(errno) && !(block_device_ && errno == EINVAL)) // EINVAL: not aligned
        fail(errno, "fallocate");
    if (is_unsupported(errno))
        supported.store(false, std::memory_order_relaxed);
    return false;
}

bool ImageFile::zero_by_device(std::uint64_t offset, std::uint64_t count) {
    if (!block_device_ || !can_device_zero_.load(std::memory_order_relaxed) ||
        (offset | count) % device_sector_ != 0)
        return false;
    std::array<std::uint64_t, 2> range{offset, count};
    if (::ioctl(file_.get(), BLKZEROOUT, range.data()) == 0)
        return true;
    if (!is_unsupported(errno) && errno != EINVAL)
        fail(errno, "BLKZEROOUT");
    can_device_zero_.store(false, std::memory_order_relaxed);
    return false;
}

void ImageFile::zero(std::uint64_t offset, std::uint64_t count, ZeroHow how, bool fast_only) {
    constexpr int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (count == 0)
        return;
    if (how == ZeroHow::any && fallocate(punch, offset, count, can_punch_))
        return;
    if (fallocate(FALLOC_FL_ZERO_RANGE, offset, count, can_zero_range_))
        return;
    if (can_allocate_.load(std::memory_order_relaxed) &&
        fallocate(punch, offset, count, can_punch_)) {
        if (fallocate(0, offset, count, can_allocate_))
            return;
        // The range reads as zeroes already, and NO_HOLE asks for allocation: write them.
    }
    if (fast_only)
        fail(EOPNOTSUPP, "fast zero");
    if (zero_by_device(offset, count))
        return;
    // nbdkit has a fallback of its own, for a plugin that gives up with EOPNOTSUPP; up to 1.32 at
    // least it writes the first 64 MiB of a longer range again and again. So never give up.
    write_zeroes(offset, count);
}

void ImageFile::write_zeroes(std::uint64_t offset, std::uint64_t count) {
    static const std::array<std::byte, zero_piece> zeroes{};
    while (count > 0) {
        const std::size_t piece = std::min<std::uint64_t>(count, zeroes.size());
        write(std::span{zeroes}.first(piece), offset);
        offset += piece;
        count -= piece;
    }
}

void ImageFile::trim(std::uint64_t offset, std::uint64_t count) {
    if (count > 0)
        fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, count, can_punch_);
}

std::vector<Extent> ImageFile::extents(std::uint64_t offset, std::uint64_t count, bool only_first) {
    // SEEK_DATA and SEEK_HOLE also move the file position, which nothing here uses: no lock.
    std::vector<Extent> found;
    const std::uint64_t end = offset + count;
    while (offset < end) {
        off_t data = ::lseek(file_.get(), static_cast<off_t>(offset), SEEK_DATA);
        if (data < 0 && errno == ENXIO) // a hole up to the end of the file
            data = static_cast<off_t>(std::max(size_, end));
        else if (data < 0)
            fail(errno, "lseek SEEK_DATA");
        const auto data_begin = static_cast<std::uint64_t>(data);
        if (data_begin > offset) {
            found.push_back({offset, data_begin - offset, true});
            offset = data_begin;
        } else {
            const off_t hole = ::lseek(file_.get(), data, SEEK_HOLE);
            if (hole < 0)
                fail(errno, "lseek SEEK_HOLE");
            found.push_back({offset, static_cast<std::uint64_t>(hole) - offset, false});
            offset = static_cast<std::uint64_t>(hole);
        }
        if (only_first)
            break;
    }
    return found;
}

void ImageFile::prefetch(std::uint64_t offset, std::uint64_t count) {
    const int error = ::posix_fadvise(file_.get(), static_cast<off_t>(offset),
                                      static_cast<off_t>(count), POSIX_FADV_WILLNEED);
    if (error != 0)
        fail(error, "posix_fadvise");
}

} // namespace bootview::plugin
