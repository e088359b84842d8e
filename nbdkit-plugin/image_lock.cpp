#include "nbdkit-plugin/image_lock.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <random>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>

namespace bootview::plugin {

namespace {

constexpr off_t used = 100;
constexpr off_t not_shared = 200;
constexpr off_t read_permission = 0;
constexpr off_t write_permission = 1;
constexpr off_t resize_permission = 3;

// What we do ...
constexpr std::array ours{read_permission, write_permission, resize_permission};
// ... and what nobody else may do meanwhile.
constexpr std::array forbidden{write_permission, resize_permission};

struct flock byte_lock(short type, off_t at) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = at;
    lock.l_len = 1;
    return lock;
}

// 0, or an errno value.
int share(int fd, off_t at) {
    struct flock lock = byte_lock(F_RDLCK, at);
    return ::fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

bool is_locked_by_another(int fd, off_t at) {
    struct flock lock = byte_lock(F_WRLCK, at);
    return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

// 0, or an errno value; EAGAIN: somebody else's locks exclude ours.
int take_and_look(int fd) {
    for (const off_t permission : ours)
        if (const int error = share(fd, used + permission))
            return error;
    for (const off_t permission : forbidden)
        if (const int error = share(fd, not_shared + permission))
            return error;
    for (const off_t permission : ours)
        if (is_locked_by_another(fd, not_shared + permission))
            return EAGAIN;
    for (const off_t permission : forbidden)
        if (is_locked_by_another(fd, used + permission))
            return EAGAIN;
    return 0;
}

// A file description of its own, since that is what the lock belongs to.
Descriptor open_again(int fd) {
    return Descriptor{
        ::open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK)};
}

} // namespace

ImageLock lock_for_writing(int fd) {
    constexpr int attempts = 6;
    thread_local std::minstd_rand random{std::random_device{}()};
    for (int attempt = 1;; ++attempt) {
        Descriptor file = open_again(fd);
        if (!file)
            throw std::system_error(errno, std::generic_category(), "open for its lock");
        const int error = take_and_look(file.get());
        if (error == 0)
            return {ImageLock::Outcome::taken, std::move(file)};
        if (error == ENOLCK || error == EOPNOTSUPP || error == EINVAL || error == ENOSYS)
            return {ImageLock::Outcome::unsupported, {}};
        if (error != EAGAIN && error != EACCES)
            throw std::system_error(error, std::generic_category(), "lock");
        if (attempt == attempts)
            return {ImageLock::Outcome::held, {}};
        file.reset(); // out of the way of one that came at the same moment
        std::this_thread::sleep_for(
            std::chrono::milliseconds{std::uniform_int_distribution{1, 40}(random)});
    }
}

} // namespace bootview::plugin
