#include "common/unix_socket.h"

#include <cerrno>
#include <ctime>
#include <filesystem>
#include <system_error>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace bootview {

namespace {

Descriptor open_socket(int type) {
    return Descriptor{::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
}

// False with errno: the path is too long.
bool set_path(sockaddr_un& address, const std::string& path) {
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    path.copy(address.sun_path, path.size());
    return true;
}

// An ordinary file refuses connections, too.
bool is_left_over(const std::string& path, int type) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode) && !connect_to(path, type) &&
           errno == ECONNREFUSED;
}

} // namespace

Descriptor listen_at(const std::string& path, int type) {
    sockaddr_un address{};
    if (!set_path(address, path))
        return {};
    auto fd = open_socket(type);
    if (!fd)
        return {};
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    int result = ::bind(fd.get(), generic, sizeof address);
    if (result != 0 && errno == EADDRINUSE) {
        if (!is_left_over(path, type)) {
            errno = EADDRINUSE;
            return {};
        }
        ::unlink(path.c_str());
        result = ::bind(fd.get(), generic, sizeof address);
    }
    if (result != 0 || ::listen(fd.get(), SOMAXCONN) != 0)
        return {};
    return fd;
}

Descriptor connect_to(const std::string& path, int type) {
    sockaddr_un address{};
    if (!set_path(address, path))
        return {};
    auto fd = open_socket(type);
    if (!fd ||
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return {};
    return fd;
}

void remove_dead_sockets(const std::string& directory, const std::string& prefix,
                         std::chrono::seconds youngest) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
        const std::string path = entry.path();
        struct stat info {};
        if (!entry.path().filename().string().starts_with(prefix) ||
            ::lstat(path.c_str(), &info) != 0 || ::time(nullptr) - info.st_ctime < youngest.count())
            continue;
        // One of another type says so (EPROTOTYPE): somebody is there.
        if (is_left_over(path, SOCK_STREAM))
            ::unlink(path.c_str());
    }
}

} // namespace bootview
