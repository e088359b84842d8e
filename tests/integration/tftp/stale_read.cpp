// Preloaded into tftp-bridge by a test: after $STALE_READ_AFTER good reads by offset, all others
// fail with ESTALE, as fuse-fatimg lets them when the file is replaced.
#include <dlfcn.h>
#include <sys/types.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

extern "C" ssize_t pread(int fd, void* buffer, std::size_t size, off_t offset);

extern "C" ssize_t pread(int fd, void* buffer, std::size_t size, off_t offset) {
    using Read = ssize_t (*)(int, void*, std::size_t, off_t);
    static const auto next = reinterpret_cast<Read>(dlsym(RTLD_NEXT, "pread"));
    static std::atomic<int> good_reads_left = std::atoi(std::getenv("STALE_READ_AFTER"));
    if (good_reads_left-- <= 0) {
        errno = ESTALE;
        return -1;
    }
    return next(fd, buffer, size, offset);
}
