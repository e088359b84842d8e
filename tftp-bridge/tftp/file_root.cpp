#include "tftp-bridge/tftp/file_root.h"

#include "tftp-bridge/tftp/start_error.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace bootview::tftp {
namespace {

// A name may be replaced while we resolve it; each attempt is a complete new one.
constexpr int attempts = 4;

int open_root_directory(const char* path) {
    return ::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int open_beneath_directory(int root, const char* name) {
    open_how how{};
    // O_NONBLOCK: a FIFO must not hold up the server. It means nothing to a regular file.
    how.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    return static_cast<int>(syscall(SYS_openat2, root, name, &how, sizeof how));
}

// Whether a complete new attempt may do better. EAGAIN: a rename raced with the resolution of "..",
// see openat2(2). The others: the file or the whole mount was replaced under us.
bool worth_another_attempt(int error) {
    return error == EAGAIN || error == EINTR || error == ESTALE || error == ENOTCONN ||
           error == EIO;
}

Refusal refusal_for(int error) {
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case EINVAL:
        return {ErrorCode::not_found, "file not found"};
    case EXDEV: // a way out of the root
    case ELOOP:
    case EACCES:
    case EPERM:
        return {ErrorCode::access_violation, "access denied"};
    case ENXIO: // a socket, a device without a driver
    case ENODEV:
        return {ErrorCode::access_violation, "not a regular file"};
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return {ErrorCode::undefined, ""};
    case ESTALE:
        return {ErrorCode::undefined, "file is changing, ask again"};
    default:
        return {ErrorCode::undefined, "file cannot be read now, ask again"};
    }
}

} // namespace

const RootCalls& RootCalls::system() {
    static constexpr RootCalls calls{open_root_directory, open_beneath_directory};
    return calls;
}

FileRoot::FileRoot(std::string path, RootCalls calls)
    : path_(std::filesystem::absolute(path).lexically_normal()), calls_(calls) {
    if (path_.size() > 1 && path_.ends_with('/'))
        path_.pop_back();
}

void FileRoot::check() const {
    const Descriptor root(calls_.open_root(path_.c_str()));
    if (!root) {
        switch (errno) {
        case ENOENT:
            throw StartError(
                fmt::format("--root {}: there is no such directory; create it, or mount "
                            "the boot files there first",
                            path_));
        case ENOTDIR:
            throw StartError(
                fmt::format("--root {}: it is not a directory; name the directory that "
                            "holds the boot files",
                            path_));
        case ENOTCONN:
            throw StartError(
                fmt::format("--root {}: the FUSE program that was mounted there is gone; "
                            "unmount it (fusermount3 -u {}) and mount it again",
                            path_, path_));
        default:
            throw StartError(
                fmt::format("--root {}: {}; let the user that runs tftp-bridge enter this "
                            "directory",
                            path_, std::strerror(errno)));
        }
    }
    // O_PATH asks for no permission; entering the directory does.
    const Descriptor self(calls_.open_beneath(root.get(), "."));
    if (!self && errno == ENOSYS)
        throw StartError(
            "this kernel has no openat2(2), which keeps clients inside --root; use Linux "
            "5.6 or newer");
    if (!self && errno != EACCES)
        throw StartError(fmt::format("--root {}: {}; check the file system that is mounted there",
                                     path_, std::strerror(errno)));
    if (faccessat(AT_FDCWD, path_.c_str(), X_OK, AT_EACCESS) != 0)
        throw StartError(
            fmt::format("--root {}: {}; let the user that runs tftp-bridge enter it (chmod "
                        "o+x; for a FUSE mount of another user: -o allow_other)",
                        path_, std::strerror(errno)));
}

int FileRoot::open_once(const std::string& name) const {
    const Descriptor root(calls_.open_root(path_.c_str()));
    if (!root)
        return -1;
    return calls_.open_beneath(root.get(), name.c_str());
}

std::variant<OpenFile, Refusal> FileRoot::open(const std::string& name) const {
    if (name.empty())
        return Refusal{ErrorCode::access_violation, "not a regular file"};

    for (int attempt = 1;; ++attempt) {
        Descriptor fd(open_once(name));
        struct stat info {};
        if (fd && fstat(fd.get(), &info) == 0) {
            if (!S_ISREG(info.st_mode))
                return Refusal{ErrorCode::access_violation, "not a regular file"};
            posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
            return OpenFile{std::move(fd), static_cast<std::uint64_t>(info.st_size), info.st_mtim};
        }
        if (attempt == attempts || !worth_another_attempt(errno))
            return refusal_for(errno);
    }
}

} // namespace bootview::tftp
