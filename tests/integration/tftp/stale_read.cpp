// Preloaded into tftp-bridge by a test: after $STALE_READ_AFTER good reads by offset, all others
// fail with ESTALE, as fuse-fatimg lets them when the file is replaced.
#include <dlfcn.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

namespace {

bool is_stale() {
    static std::atomic<int> good_reads_left = std::atoi(std::getenv("STALE_READ_AFTER"));
    if (good_reads_left-- > 0)
        return false;
    errno = ESTALE;
    return true;
}

} // namespace

extern "C" ssize_t pread(int fd, void* buffer, std::size_t size, off_t offset);

extern "C" ssize_t pread(int fd, void* buffer, std::size_t size, off_t offset) {
    using Read = ssize_t (*)(int, void*, std::size_t, off_t);
    static const auto next = reinterpret_cast<Read>(dlsym(RTLD_NEXT, "pread"));
    return is_stale() ? -1 : next(fd, buffer, size, offset);
}

extern "C" ssize_t preadv2(int fd, const iovec* parts, int count, off_t offset, int flags) {
    using Read = ssize_t (*)(int, const iovec*, int, off_t, int);
    static const auto next = reinterpret_cast<Read>(dlsym(RTLD_NEXT, "preadv2"));
    return is_stale() ? -1 : next(fd, parts, count, offset, flags);
}
