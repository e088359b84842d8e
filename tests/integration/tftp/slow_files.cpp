// Preloaded into tftp-bridge by a test: a file whose name begins with "slow", or with
// $SLOW_FILES_NAME, is opened, or one with "sticky" read, only when the file $SLOW_FILES_GATE
// exists. So does a FUSE file system that waits for something, or is stopped.
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

void wait_for_gate() {
    while (access(std::getenv("SLOW_FILES_GATE"), F_OK) != 0)
        usleep(2000);
}

bool is_slow(const char* name) {
    const char* slow = std::getenv("SLOW_FILES_NAME");
    slow = slow ? slow : "slow";
    return std::strncmp(name, slow, std::strlen(slow)) == 0;
}

} // namespace

// openat2(2) has no function of its own in the C library.
extern "C" long syscall(long number, ...) noexcept;

extern "C" long syscall(long number, ...) noexcept {
    using Call = long (*)(long, long, long, long, long, long, long);
    static const auto next = reinterpret_cast<Call>(dlsym(RTLD_NEXT, "syscall"));
    va_list list;
    va_start(list, number);
    long a[6];
    for (auto& argument : a)
        argument = va_arg(list, long);
    va_end(list);
    if (number == SYS_openat2 && is_slow(reinterpret_cast<const char*>(a[1]))) {
        if (reinterpret_cast<const open_how*>(a[2])->resolve & RESOLVE_CACHED) {
            errno = EAGAIN; // not without waiting
            return -1;
        }
        wait_for_gate();
    }
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

namespace {

bool is_sticky(int fd) {
    char link[64], path[PATH_MAX];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const auto length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = '\0';
    return std::strstr(path, "/sticky") != nullptr;
}

} // namespace

extern "C" ssize_t pread(int fd, void* buffer, std::size_t size, off_t offset);

extern "C" ssize_t pread(int fd, void* buffer, std::size_t size, off_t offset) {
    using Read = ssize_t (*)(int, void*, std::size_t, off_t);
    static const auto next = reinterpret_cast<Read>(dlsym(RTLD_NEXT, "pread"));
    if (is_sticky(fd))
        wait_for_gate();
    return next(fd, buffer, size, offset);
}

extern "C" ssize_t preadv2(int fd, const iovec* parts, int count, off_t offset, int flags) {
    using Read = ssize_t (*)(int, const iovec*, int, off_t, int);
    static const auto next = reinterpret_cast<Read>(dlsym(RTLD_NEXT, "preadv2"));
    if (is_sticky(fd)) {
        errno = EAGAIN;
        return -1;
    }
    return next(fd, parts, count, offset, flags);
}
