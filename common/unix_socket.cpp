#include "common/unix_socket.h"

#include <cerrno>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace bootview {

namespace {

constexpr int backlog = 16;

Descriptor open_socket(int type) {
    return Descriptor{::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
}

bool is_left_over(const sockaddr_un& address, int type) {
    const auto probe = open_socket(type);
    return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
               0 &&
           errno == ECONNREFUSED;
}

} // namespace

Descriptor listen_at(const std::string& path, int type) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return {};
    }
    path.copy(address.sun_path, path.size());
    auto fd = open_socket(type);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    int result = ::bind(fd.get(), generic, sizeof address);
    if (result != 0 && errno == EADDRINUSE) {
        if (!is_left_over(address, type)) {
            errno = EADDRINUSE;
            return {};
        }
        ::unlink(path.c_str());
        result = ::bind(fd.get(), generic, sizeof address);
    }
    if (result != 0 || ::listen(fd.get(), backlog) != 0)
        return {};
    return fd;
}

} // namespace bootview
