#include "fuse-fatimg/fuse/preflight.h"

#include "common/shell_word.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace bootview::fuse {

namespace {

[[noreturn]] void fail(const std::string& message) {
    throw std::runtime_error(message);
}

bool is_in_path(const std::string& program) {
    const char* value = std::getenv("PATH"); // NOLINT(concurrency-mt-unsafe): start-up
    const std::string path = value != nullptr ? value : "/usr/bin:/bin";
    std::size_t begin = 0;
    while (begin <= path.size()) {
        const std::size_t end = std::min(path.find(':', begin), path.size());
        if (::access((path.substr(begin, end - begin) + "/" + program).c_str(), X_OK) == 0)
            return true;
        begin = end + 1;
    }
    return false;
}

bool fuse_conf_allows_other() {
    std::ifstream file{"/etc/fuse.conf"};
    std::string line;
    while (std::getline(file, line))
        if (line.starts_with("user_allow_other"))
            return true;
    return false;
}

// May this process call mount(2) itself? Root, "root" of a user namespace, and a unit's user with
// AmbientCapabilities=CAP_SYS_ADMIN.
bool can_mount() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
    return ::geteuid() == 0 || (::syscall(SYS_capget, &header, sets.data()) == 0 &&
                                (sets[0].effective & (1U << CAP_SYS_ADMIN)) != 0);
}

} // namespace

void check_mountpoint(const Options& options) {
    const std::string& path = options.mountpoint;
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        if (errno == ENOTCONN)
            fail(fmt::format("{}: a dead FUSE mount is still there: fusermount3 -u -z {}", path,
                             shell_word(path)));
        if (errno == ENOENT)
            fail(fmt::format("{}: the mount point does not exist: mkdir -p {}", path,
                             shell_word(path)));
        fail(fmt::format("{}: {}: choose another mount point", path, std::strerror(errno)));
    }
    if (!S_ISDIR(status.st_mode))
        fail(fmt::format("{}: is not a directory: a mount point must be one", path));
    struct stat parent {};
    if (::stat((path + "/..").c_str(), &parent) == 0 && parent.st_dev != status.st_dev)
        fail(fmt::format("{}: something is mounted there already: fusermount3 -u {}, or choose "
                         "another mount point",
                         path, shell_word(path)));
    if (!can_mount() && ::access(path.c_str(), W_OK) != 0)
        fail(fmt::format("{}: you may not write to the mount point: choose a directory of yours",
                         path));
}

void check_fuse(const Options& options) {
    const int fd = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT)
            fail("/dev/fuse: does not exist: modprobe fuse, or start the container with --device "
                 "/dev/fuse");
        fail(fmt::format("/dev/fuse: {}: give this user access to it (it is usually mode 0666), or "
                         "start the container with --device /dev/fuse",
                         std::strerror(errno)));
    }
    ::close(fd);
    if (can_mount())
        return;
    if (!is_in_path("fusermount3"))
        fail("fusermount3: not found, and only root can mount without it: apt install fuse3");
    if (::access("/etc/mtab", R_OK) != 0)
        fail("/etc/mtab: cannot be read, and fusermount3 does not unmount without it: root must "
             "make it with ln -s /proc/self/mounts /etc/mtab");
    if ((options.allow_other || options.allow_root) && !fuse_conf_allows_other())
        fail(fmt::format("-o {}: not permitted to users: root must add the line user_allow_other "
                         "to /etc/fuse.conf",
                         options.allow_other ? "allow_other" : "allow_root"));
}

void drop_capabilities() {
    if (::geteuid() == 0)
        return;
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    ::syscall(SYS_capset, &header, none.data());
}

} // namespace bootview::fuse
