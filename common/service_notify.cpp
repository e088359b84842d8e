#include "common/service_notify.h"

#include "common/descriptor.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>

namespace bootview {

void notify_service_manager(std::string_view state) {
    const char* path = std::getenv("NOTIFY_SOCKET"); // NOLINT(concurrency-mt-unsafe): start-up
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path == nullptr || (*path != '/' && *path != '@') ||
        std::strlen(path) >= sizeof address.sun_path)
        return;
    const std::size_t length = std::strlen(path);
    std::memcpy(address.sun_path, path, length);
    if (*path == '@') // an abstract socket
        address.sun_path[0] = '\0';
    const Descriptor socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (socket)
        ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address),
                 static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
}

} // namespace bootview
