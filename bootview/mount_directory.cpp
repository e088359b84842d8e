#include "bootview/mount_directory.h"

#include "bootview/child.h"
#include "bootview/failure.h"
#include "bootview/log.h"
#include "change-ring/path.h"

#include <poll.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

namespace bootview {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::string make_below(const std::string& directory, const char* name) {
    std::string path = directory + "/" + name;
    return ::mkdtemp(path.data()) != nullptr ? path : std::string{};
}

std::string make_private() {
    const std::string runtime = ring::make_runtime_directory();
    if (!runtime.empty())
        if (std::string path = make_below(runtime, "view-XXXXXX"); !path.empty())
            return path;
    if (std::string path = make_below("/tmp", "bootview-view-XXXXXX"); !path.empty())
        return path;
    throw Failure(fmt::format("no place for a mount directory in $XDG_RUNTIME_DIR, /run or /tmp: "
                              "{}; name one with --mount",
                              std::strerror(errno)));
}

// fusermount3 is setuid root; it only ever looks at its own user's mounts.
void run_fusermount(const std::string& path) {
    try {
        Child child(Command{{"fusermount3", "-u", "-z", "-q", "--", path}, {}, {}, 0});
        for (const auto deadline = Clock::now() + 5s; Clock::now() < deadline;) {
            if (::waitpid(child.pid(), nullptr, WNOHANG) != 0)
                return;
            ::poll(nullptr, 0, 10);
        }
        child.send_signal(SIGKILL);
        ::waitpid(child.pid(), nullptr, 0);
    } catch (const Failure& failure) {
        log::say(log::Level::warning, "can't unmount {}: {}", path, failure.what());
    }
}

} // namespace

MountDirectory::MountDirectory(const std::optional<std::string>& chosen)
    : path_(chosen ? *chosen : make_private()), private_(!chosen) {}

void MountDirectory::detach_dead_mount() const {
    if (::umount2(path_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno != EPERM)
        return; // done; or EINVAL: nothing is mounted there
    run_fusermount(path_);
}

MountDirectory::~MountDirectory() {
    detach_dead_mount();
    if (private_ && ::rmdir(path_.c_str()) != 0)
        log::say(log::Level::warning, "can't remove {}: {}", path_, std::strerror(errno));
}

} // namespace bootview
