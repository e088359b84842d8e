#include "tftp-bridge/tftp/file_root.h"

#include "common/board_name.h"
#include "common/shell_word.h"
#include "tftp-bridge/tftp/start_error.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace bootview::tftp {
namespace {

// A name may be replaced while we resolve it; each attempt is a complete new one.
constexpr int attempts = 4;

int open_root_directory(const char* path) {
    return ::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

// With further flags for open(2) and for openat2(2).
int open_beneath_with(int root, const char* name, std::uint64_t flags, std::uint64_t resolve = 0) {
    open_how how{};
    how.flags = flags | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | resolve;
    return static_cast<int>(syscall(SYS_openat2, root, name, &how, sizeof how));
}

// O_NONBLOCK: a FIFO must not hold up the server. It means nothing to a regular file.
int open_beneath_directory(int root, const char* name) {
    return open_beneath_with(root, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

// A directory whose path the kernel has in memory.
Descriptor open_cached_directory(const char* path) {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_CACHED;
    return Descriptor(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how)));
}

// Of what O_PATH has opened, without asking the file system.
std::optional<dev_t> device_of(int fd) {
    struct statx info {};
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &info) != 0 ||
        !S_ISREG(info.stx_mode))
        return std::nullopt;
    return makedev(info.stx_dev_major, info.stx_dev_minor);
}

// How far an entry's name is from the one that was asked for; the less, the better. By number only
// what is a machine's name: firmware asks for "cafef00d", people have "10000000CAFEF00D" there.
enum class Likeness : std::uint8_t { but_for_case, same_board, none };

class AskedName {
public:
    // `top`: directly below the root are the machines' own directories. Deeper, "0A" is a part of
    // an address, which PXELINUX asks for, and not the number that "A" is.
    AskedName(std::string_view name, bool top) : name_(name), top_(top), board_(board_of(name)) {}

    Likeness likeness(std::string_view entry) const {
        if (equal_ignoring_case(entry, name_))
            return Likeness::but_for_case;
        return board_ && board_of(entry) == board_ ? Likeness::same_board : Likeness::none;
    }

private:
    std::optional<BoardName> board_of(std::string_view name) const {
        return top_ ? BoardName::from_short_text(name) : BoardName::from_text(name);
    }

    std::string_view name_;
    bool top_;
    std::optional<BoardName> board_;
};

// The entry of a directory that is meant by this name, which is not there itself; of several the
// one that is most like it, then the first in the order of their bytes, so that it is always the
// same one.
std::optional<std::string> meant_entry(int root, const std::string& directory,
                                       std::string_view name) {
    const int fd = open_beneath_with(root, directory.empty() ? "." : directory.c_str(),
                                     O_RDONLY | O_DIRECTORY);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(fd < 0 ? nullptr : fdopendir(fd), closedir);
    const AskedName asked(name, directory.empty());
    auto best = Likeness::none;
    std::string found;
    while (const dirent* entry = entries ? readdir(entries.get()) : nullptr) {
        const auto likeness = asked.likeness(entry->d_name);
        if (likeness < best || (likeness == best && best != Likeness::none &&
                                std::string_view(entry->d_name) < found)) {
            best = likeness;
            found = entry->d_name;
        }
    }
    return best == Likeness::none ? std::nullopt : std::optional(found);
}

// `name` as the directories below the root spell it.
std::optional<std::string> folded_path(int root, std::string_view name) {
    std::string path;
    while (!name.empty()) {
        const auto part = name.substr(0, name.find('/'));
        name.remove_prefix(std::min(part.size() + 1, name.size()));
        const auto parent = path;
        path += (path.empty() ? "" : "/") + std::string(part);
        if (const Descriptor exact(open_beneath_with(root, path.c_str(), O_PATH)); exact)
            continue;
        const auto entry = meant_entry(root, parent, part);
        if (!entry)
            return std::nullopt;
        path = (parent.empty() ? "" : parent + "/") + *entry;
    }
    return path;
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
    static constexpr RootCalls calls{open_root_directory, open_beneath_directory,
                                     is_on_local_file_system};
    return calls;
}

FileRoot::FileRoot(std::string path, bool fold_case, RootCalls calls)
    : path_(std::filesystem::absolute(path).lexically_normal()), fold_case_(fold_case),
      calls_(calls) {
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
                            path_, shell_word(path_)));
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
    const int fd = calls_.open_beneath(root.get(), name.c_str());
    return fd < 0 && errno == ENOENT && fold_case_ ? open_folded(root.get(), name) : fd;
}

int FileRoot::open_folded(int root, const std::string& name) const {
    const auto path = folded_path(root, name);
    if (path)
        return calls_.open_beneath(root, path->c_str());
    errno = ENOENT;
    return -1;
}

// What was opened; nothing, and errno, if not even that can be told.
std::optional<std::variant<OpenFile, Refusal>> FileRoot::describe(Descriptor& fd) const {
    struct stat info {};
    if (fstat(fd.get(), &info) != 0)
        return std::nullopt;
    if (!S_ISREG(info.st_mode))
        return Refusal{ErrorCode::access_violation, "not a regular file"};
    posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    const bool local = info.st_dev != foreign_ && calls_.is_local(fd.get());
    if (!local)
        foreign_ = info.st_dev;
    auto version = version_of(fd.get(), info, local);
    return OpenFile{std::move(fd), static_cast<std::uint64_t>(info.st_size),
                    info.st_mtim,  info.st_dev,
                    local,         std::move(version)};
}

std::optional<std::variant<OpenFile, Refusal>>
FileRoot::open_now(const std::string& name, const std::function<bool(dev_t)>& local) const {
    const auto root = open_cached_directory(path_.c_str());
    if (!root || name.empty())
        return std::nullopt;
    // To look is one thing, to open another, which a file system may keep waiting.
    const Descriptor found(open_beneath_with(root.get(), name.c_str(), O_PATH, RESOLVE_CACHED));
    if (!found)
        return errno == ENOENT && !fold_case_
                   ? std::optional<std::variant<OpenFile, Refusal>>(refusal_for(ENOENT))
                   : std::nullopt;
    const auto device = device_of(found.get());
    if (!device || !local(*device))
        return std::nullopt;
    Descriptor fd(open_beneath_with(root.get(), name.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY,
                                    RESOLVE_CACHED));
    return fd ? describe(fd) : std::nullopt;
}

std::variant<OpenFile, Refusal> FileRoot::open(const std::string& name) const {
    if (name.empty())
        return Refusal{ErrorCode::access_violation, "not a regular file"};

    for (int attempt = 1;; ++attempt) {
        Descriptor fd(open_once(name));
        if (auto opened = fd ? describe(fd) : std::nullopt)
            return std::move(*opened);
        if (attempt == attempts || !worth_another_attempt(errno))
            return refusal_for(errno);
    }
}

} // namespace bootview::tftp
