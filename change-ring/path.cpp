#include "change-ring/path.h"

#include <cstdlib>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bootview::ring {

namespace {

// Anyone can make a directory in /tmp first: one that somebody else controls is no place to talk.
bool is_private(const std::string& directory) {
    struct stat status {};
    return ::lstat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
           status.st_uid == ::geteuid() && (status.st_mode & 022) == 0;
}

std::string fallback_directory() {
    return fmt::format("/tmp/bootview-{}", ::geteuid());
}

} // namespace

std::string socket_name(ImageId image) {
    return fmt::format("ring-{:x}-{:x}.sock", image.device, image.inode);
}

std::string socket_at(const std::string& notify, ImageId image) {
    struct stat status {};
    const bool is_directory = ::stat(notify.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    return is_directory ? notify + "/" + socket_name(image) : notify;
}

std::vector<std::string> runtime_directories() {
    std::vector<std::string> directories;
    const char* session = std::getenv("XDG_RUNTIME_DIR"); // NOLINT(concurrency-mt-unsafe): start-up
    if (session != nullptr && *session == '/' && ::geteuid() != 0)
        directories.push_back(std::string{session} + "/bootview");
    directories.emplace_back("/run/bootview");
    directories.push_back(fallback_directory());
    return directories;
}

std::string make_runtime_directory() {
    for (const std::string& directory : runtime_directories()) {
        const bool shared = directory == "/run/bootview";
        ::mkdir(directory.c_str(), shared ? 0755 : 0700);
        if (::access(directory.c_str(), W_OK | X_OK) != 0)
            continue;
        if (directory == fallback_directory() && !is_private(directory))
            continue;
        return directory;
    }
    return {};
}

std::vector<std::string> socket_candidates(ImageId image) {
    std::vector<std::string> paths;
    for (const std::string& directory : runtime_directories())
        if (directory != fallback_directory() || is_private(directory))
            paths.push_back(directory + "/" + socket_name(image));
    return paths;
}

} // namespace bootview::ring
