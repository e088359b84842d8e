#include "bootview/preflight.h"

#include "bootview/failure.h"
#include "bootview/paths.h"
#include "common/shell_word.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

namespace bootview::preflight {

namespace {

std::string reason(int error) {
    return std::strerror(error);
} // NOLINT(concurrency-mt-unsafe)

[[noreturn]] void fail_for_source(const std::string& path, int error) {
    if (error == ENOENT || error == ENOTDIR)
        throw Failure(fmt::format("{}: no such image; give the path of a disk image or of a "
                                  "directory of images",
                                  path));
    if (error == EACCES || error == EPERM)
        throw Failure(fmt::format("{}: this user may not read it; allow it with "
                                  "\"chmod a+r\" or \"setfacl -m u:USER:rw\", or run as its owner",
                                  path));
    throw Failure(fmt::format("{}: can't be opened: {}", path, reason(error)));
}

// A mount point lies on another device than its parent. (A bind mount of the same file system is
// not seen by this; mounting on top of one is harmless.)
bool is_mount_point(const std::string& path, const struct stat& own) {
    struct stat parent {};
    return ::stat((path + "/..").c_str(), &parent) == 0 && parent.st_dev != own.st_dev;
}

} // namespace

SourceKind check_source(const std::string& path) {
    // Non-blocking, so that a named pipe without a writer doesn't hold us up.
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!file)
        fail_for_source(path, errno);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0)
        fail_for_source(path, errno);
    if (S_ISDIR(status.st_mode))
        return SourceKind::directory;
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        throw Failure(fmt::format("{}: neither a disk image, a block device nor a directory; give "
                                  "the path of one",
                                  path));
    if (::lseek(file.get(), 0, SEEK_END) == 0)
        throw Failure(fmt::format("{}: the image is empty (0 bytes); was the copy or download "
                                  "finished?",
                                  path));
    return SourceKind::image;
}

void check_mount_directory(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        if (errno == ENOTCONN)
            throw Failure(fmt::format("{}: a dead mount lies there; take it away with "
                                      "\"fusermount3 -u -z {}\"",
                                      path, shell_word(path)));
        if (errno == ENOENT)
            throw Failure(
                fmt::format("{}: no such mount directory; make it with \"mkdir -p {}\" or "
                            "leave --mount out",
                            path, shell_word(path)));
        throw Failure(fmt::format("{}: can't be used for --mount: {}", path, reason(errno)));
    }
    if (!S_ISDIR(status.st_mode))
        throw Failure(fmt::format("{}: not a directory; --mount needs an empty one", path));
    if (is_mount_point(path, status))
        throw Failure(
            fmt::format("{}: something is mounted there already; unmount it (\"fusermount3 "
                        "-u {}\") or name another directory with --mount",
                        path, shell_word(path)));
}

void check_fuse_device(const std::string& path) {
    const Descriptor device{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
    if (device)
        return;
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
        throw Failure(
            fmt::format("{}: {}; load it with \"modprobe fuse\", or run the container with "
                        "--device /dev/fuse",
                        path, reason(errno)));
    if (errno == EACCES || errno == EPERM)
        throw Failure(fmt::format("{}: this user may not open it ({}); allow it with \"chmod 666 "
                                  "{}\", or run the container with --device /dev/fuse",
                                  path, reason(errno), path));
    throw Failure(fmt::format("{}: {}; without it nothing can be mounted", path, reason(errno)));
}

void check_fusermount(bool root, const std::string& search_path) {
    // libfuse itself looks in /usr/bin before $PATH.
    if (!root && !find_in_path("fusermount3", "/usr/bin:" + search_path))
        throw Failure("fusermount3: not found, and without it only root can mount; install it with "
                      "\"apt install fuse3\"");
}

std::string check_nbdkit(const std::string& search_path) {
    if (auto path = find_in_path("nbdkit", search_path))
        return *path;
    throw Failure("nbdkit: not found in $PATH; install it with \"apt install nbdkit\"");
}

std::string check_sibling(const std::string& name, const std::string& own_directory,
                          const std::string& search_path) {
    if (auto path = find_sibling(name, own_directory, search_path))
        return *path;
    throw Failure(fmt::format("{}: not found beside bootview or in $PATH; build or install all of "
                              "bootview",
                              name));
}

std::string port_problem(std::uint16_t port, Transport transport, const Address& address, int error,
                         const std::optional<PortHolder>& holder, const std::string& option,
                         const std::string& source) {
    const std::string what =
        fmt::format("{} port {}", transport == Transport::tcp ? "NBD" : "TFTP", port);
    if (error == EADDRINUSE) {
        if (!holder)
            return fmt::format("{}: taken by another program; stop it or choose another port with "
                               "{}",
                               what, option);
        const auto& words = holder->arguments;
        if (holder->name == "bootview" &&
            std::any_of(words.begin(), words.end(), [&](const std::string& word) {
                std::error_code ignored;
                return word == source || std::filesystem::equivalent(word, source, ignored);
            }))
            return fmt::format("{}: already served by bootview (process {}) on {}; stop that one "
                               "first",
                               source, holder->pid, what);
        return fmt::format("{}: taken by {} (process {}); stop it or choose another port with {}",
                           what, holder->name, holder->pid, option);
    }
    if (error == EACCES || error == EPERM)
        return fmt::format(
            "{}: this user may not use ports below 1024; choose another port with {} "
            "or run as root",
            what, option);
    if (error == EADDRNOTAVAIL)
        return fmt::format("{}: this machine has no such address; see \"ip address\" and give one "
                           "of its own to --listen",
                           address.text);
    return fmt::format("{}: can't be opened: {}; choose another with {}", what, reason(error),
                       option);
}

} // namespace bootview::preflight
