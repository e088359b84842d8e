#include "bootview/doctor/image_access.h"

#include "bootview/doctor/ports.h"
#include "bootview/run_command.h"
#include "common/read_whole.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

namespace fs = std::filesystem;

constexpr const char* service_user = "bootview";
constexpr std::string_view service_images = "/var/lib/bootview/images/";

bool may(const std::string& path, int mode) {
    return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0;
}

std::string own_name() {
    const passwd* const user = ::getpwuid(::geteuid()); // NOLINT(concurrency-mt-unsafe): one thread
    return user != nullptr ? user->pw_name : fmt::format("{}", ::geteuid());
}

// The first directory on the way that this user may not pass; empty: none.
std::string first_closed(const fs::path& path) {
    fs::path way;
    for (const fs::path& part : path.parent_path()) {
        way /= part;
        if (!may(way.string(), X_OK) && errno == EACCES)
            return way.string();
    }
    return {};
}

// By the mode alone, as there are no access control lists on what the package makes.
bool service_may(const std::string& path, mode_t wanted) {
    const passwd* const user = ::getpwnam(service_user); // NOLINT(concurrency-mt-unsafe)
    struct stat status {};
    if (user == nullptr || ::stat(path.c_str(), &status) != 0)
        return true;
    const mode_t mode = status.st_uid == user->pw_uid   ? status.st_mode >> 6
                        : status.st_gid == user->pw_gid ? status.st_mode >> 3
                                                        : status.st_mode;
    return (mode & wanted) == wanted;
}

// Of the text of /proc/PID/fdinfo/N.
bool is_for_writing(const std::string& information) {
    const auto at = information.find("flags:");
    if (at == std::string::npos)
        return false;
    return (std::strtoul(information.c_str() + at + 6, nullptr, 8) & O_ACCMODE) != O_RDONLY;
}

std::string whose(const fs::path& process) {
    std::string name = read_whole(process / "comm");
    while (name.ends_with('\n'))
        name.pop_back();
    return name;
}

// An nbdkit that was started for this path, and has another file of its directory open for it.
void check_replaced(const std::string& path, const struct stat& image, Findings& findings) {
    std::error_code ignored;
    for (const auto& process : fs::directory_iterator("/proc", ignored)) {
        if (whose(process.path()) != "nbdkit")
            continue;
        std::istringstream words(read_whole(process.path() / "cmdline"));
        bool is_its_file = false;
        for (std::string word; std::getline(words, word, '\0');)
            is_its_file = is_its_file || word == path || word == "file=" + path;
        std::error_code gone;
        for (const auto& descriptor : fs::directory_iterator(process.path() / "fd", gone)) {
            std::error_code closed;
            const std::string link = fs::read_symlink(descriptor.path(), closed).string();
            struct stat status {};
            const std::string number = descriptor.path().filename().string();
            if (number == "0" || number == "1" || number == "2")
                continue; // its log may lie beside the image
            const bool is_deleted = link == path + " (deleted)";
            const bool is_beside =
                is_its_file && fs::path(link).parent_path() == fs::path(path).parent_path();
            if ((!is_deleted && !is_beside) || ::stat(descriptor.path().c_str(), &status) != 0 ||
                !S_ISREG(status.st_mode) ||
                (status.st_ino == image.st_ino && status.st_dev == image.st_dev))
                continue;
            const std::string pid = process.path().filename().string();
            findings.fail("image-replaced", path,
                          fmt::format("is another file than the one that nbdkit (process {}) "
                                      "serves by this name: clients go on with the old one, and "
                                      "what they write there is lost with it",
                                      pid),
                          fmt::format("{} # once its clients are shut down; then start it again",
                                      stop_line(static_cast<pid_t>(std::stol(pid)))));
            return;
        }
    }
}

} // namespace

bool check_access(const std::string& path, Findings& findings) {
    std::error_code ignored;
    const fs::path absolute = fs::absolute(path, ignored).lexically_normal();
    if (const std::string closed = first_closed(absolute); !closed.empty()) {
        findings.fail("image-directory-closed", closed,
                      fmt::format("{} may not pass this directory, above {}", own_name(), path),
                      fmt::format("chmod o+x {}", shell_word(closed)));
        return false;
    }
    if (!may(path, F_OK)) {
        findings.fail("image-missing", path, std::strerror(errno), // NOLINT(concurrency-mt-unsafe)
                      fmt::format("ls -l {}", shell_word(absolute.parent_path().string())));
        return false;
    }
    if (!may(path, R_OK)) {
        findings.fail("image-unreadable", path, fmt::format("{} may not read it", own_name()),
                      fmt::format("chmod a+r {}", shell_word(path)));
        return false;
    }
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
        return true;
    if (!may(path, W_OK) && errno != EROFS)
        findings.warn("image-read-only", path,
                      fmt::format("{} may not write to it, and so may no client", own_name()),
                      fmt::format("chmod a+w {}", shell_word(path)));
    if (!absolute.string().starts_with(service_images))
        return true;
    if (!service_may(path, 4))
        findings.fail("image-not-of-service", path,
                      fmt::format("the service's user {} may not read it", service_user),
                      fmt::format("chown {}:{} {}", service_user, service_user, shell_word(path)));
    else if (!service_may(path, 2) && findings.find("image-read-only") == nullptr)
        findings.warn("image-read-only", path,
                      fmt::format("the service's user {} may not write to it, and so may no client",
                                  service_user),
                      fmt::format("chown {}:{} {} && chmod u+w {}", service_user, service_user,
                                  shell_word(path), shell_word(path)));
    return true;
}

void check_writers(const std::string& path, Findings& findings) {
    struct stat image {};
    if (::stat(path.c_str(), &image) != 0)
        return;
    std::error_code ignored; // processes of others can't be looked into, and some end meanwhile
    const fs::path name_of_image = fs::canonical(path, ignored).filename();
    for (const auto& process : fs::directory_iterator("/proc", ignored)) {
        const std::string pid = process.path().filename().string();
        if (pid.find_first_not_of("0123456789") != std::string::npos ||
            pid == fmt::format("{}", ::getpid()))
            continue;
        std::error_code gone;
        for (const auto& descriptor : fs::directory_iterator(process.path() / "fd", gone)) {
            // Not every file is asked: some lie on file systems that no longer answer.
            std::error_code closed;
            if (fs::read_symlink(descriptor.path(), closed).filename() != name_of_image)
                continue;
            struct stat status {};
            if (::stat(descriptor.path().c_str(), &status) != 0 || status.st_ino != image.st_ino ||
                status.st_dev != image.st_dev ||
                !is_for_writing(
                    read_whole(process.path() / "fdinfo" / descriptor.path().filename())))
                continue;
            const std::string name = whose(process.path());
            if (name == "nbdkit" || name == "bootview")
                findings.fine("image-served", path,
                              fmt::format("served by {} (process {})", name, pid));
            else
                findings.fail("image-busy", path,
                              fmt::format("{} (process {}) has it open for writing; two writers "
                                          "destroy its file systems",
                                          name, pid),
                              fmt::format("kill {}", pid));
            break;
        }
    }
    check_replaced(fs::absolute(path, ignored).lexically_normal().string(), image, findings);
    std::error_code no_loops;
    for (const auto& device : fs::directory_iterator("/sys/block", no_loops)) {
        std::string file = read_whole(device.path() / "loop/backing_file");
        while (file.ends_with('\n'))
            file.pop_back();
        std::error_code not_same;
        if (!file.empty() && fs::equivalent(file, path, not_same)) {
            const std::string name = "/dev/" + device.path().filename().string();
            findings.fail("image-on-loop", path,
                          fmt::format("is the loop device {}: what is mounted there and clients "
                                      "write over each other",
                                      name),
                          fmt::format("umount {0} {0}p* ; losetup -d {0}", name));
        }
    }
}

namespace {

// statfs(2); not all of them are in <linux/magic.h>.
constexpr unsigned magic_fuse = 0x65735546;
constexpr unsigned magic_overlay = 0x794c7630;
constexpr std::array network_file_systems{
    std::pair{0x6969U, "NFS"},     std::pair{0xff534d42U, "SMB"}, std::pair{0xfe534d42U, "SMB"},
    std::pair{0x517bU, "SMB"},     std::pair{0x01021997U, "9p"},  std::pair{0x00c36400U, "Ceph"},
    std::pair{0x5346414fU, "AFS"},
};

unsigned magic_of(const std::string& path) {
    struct statfs space {};
    return ::statfs(path.c_str(), &space) == 0 ? static_cast<unsigned>(space.f_type) : 0;
}

// False where that can't be known, as in a container, whose upper layer lies outside of it.
bool is_on_upper_layer(const std::string& path) {
    std::error_code ignored;
    const fs::path absolute = fs::canonical(path, ignored);
    std::istringstream lines(read_whole("/proc/self/mountinfo"));
    fs::path best;
    std::string upper;
    for (std::string line; std::getline(lines, line);) {
        // ID PARENT MAJOR:MINOR ROOT MOUNT-POINT OPTIONS ... - TYPE SOURCE SUPER-OPTIONS
        std::istringstream fields(line);
        const std::vector<std::string> words{std::istream_iterator<std::string>(fields), {}};
        if (words.size() < 10 || words[4].size() < best.native().size())
            continue;
        const auto [end, rest] = std::mismatch(words[4].begin(), words[4].end(),
                                               absolute.native().begin(), absolute.native().end());
        const bool is_above = end == words[4].end() &&
                              (words[4] == "/" || rest == absolute.native().end() || *rest == '/');
        if (!is_above)
            continue;
        best = words[4];
        constexpr std::string_view key = "upperdir=";
        const auto at = words.back().find(key);
        upper = at == std::string::npos
                    ? ""
                    : words.back().substr(at + key.size(),
                                          words.back().find(',', at) - at - key.size());
    }
    return !upper.empty() &&
           fs::exists(fs::path(upper) / absolute.lexically_relative(best), ignored);
}

// What its file system does that a disk of this machine does not.
void check_file_system(const std::string& path, unsigned magic, Findings& findings) {
    const auto* const network =
        std::find_if(network_file_systems.begin(), network_file_systems.end(),
                     [&](const auto& one) { return one.first == magic; });
    if (network != network_file_systems.end())
        findings.warn(
            "image-on-network", path,
            fmt::format("lies on another machine ({}): clients stand still whenever that "
                        "does, and nothing keeps a second server from writing to it; "
                        "serve it there, or copy it here",
                        network->second),
            fmt::format("cp --sparse=always {} /var/lib/bootview/images/", shell_word(path)));
    if (magic == magic_overlay && !is_on_upper_layer(path))
        findings.warn("image-on-overlay", path,
                      "lies on an overlay file system: the first write copies all of it, and who "
                      "has it open by then goes on with the old file; write to it once before it "
                      "is served, or give the container a volume for it",
                      fmt::format(": >>{}", shell_word(path)));
}

} // namespace

void check_room(const std::string& path, Findings& findings) {
    constexpr std::uint64_t very_little = std::uint64_t{16} << 20;
    struct stat status {};
    struct statvfs space {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) ||
        ::statvfs(path.c_str(), &space) != 0)
        return;
    const std::string directory = fs::absolute(path).parent_path().string();
    const unsigned magic = magic_of(path);
    check_file_system(path, magic, findings);
    if ((space.f_flag & ST_RDONLY) != 0) {
        findings.warn("image-file-system-read-only", path,
                      "lies on a file system that is mounted read-only: no client can write",
                      fmt::format("mount -o remount,rw {}", shell_word(directory)));
        return;
    }
    // A FUSE file system that has no statfs() of its own answers zeros, as fuse(4) has it.
    if (space.f_blocks == 0) {
        findings.not_checked("room-unknown", path,
                             magic == magic_fuse
                                 ? "lies on a FUSE file system that does not tell how much room it "
                                   "has left for what clients write"
                                 : "lies on a file system that does not tell how much room it has "
                                   "left for what clients write",
                             fmt::format("df -h {}", shell_word(directory)));
        return;
    }
    const auto size = static_cast<std::uint64_t>(status.st_size);
    const std::uint64_t allocated = static_cast<std::uint64_t>(status.st_blocks) * 512;
    const std::uint64_t missing = size - std::min(size, allocated);
    const std::uint64_t free = std::uint64_t{space.f_bavail} * space.f_frsize;
    if (free >= missing)
        return;
    const std::string what =
        fmt::format("{} MiB of it are not allocated yet, and the file system has {} MiB left: "
                    "clients' writes will fail",
                    missing >> 20, free >> 20);
    const std::string fix = fmt::format("du -xah {} | sort -h | tail", shell_word(directory));
    if (free < very_little)
        findings.fail("disk-full", path, what, fix);
    else
        findings.warn("disk-nearly-full", path, what, fix);
}

} // namespace bootview::doctor
