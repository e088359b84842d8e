// Preloaded into tftp-bridge by a test: messages to be cut by UDP_SEGMENT fail with EIO, as they do
// by network devices that do not compute checksums.
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <cerrno>

namespace {

bool has_segments(const msghdr& message) {
    auto& changeable = const_cast<msghdr&>(message);
    for (auto* c = CMSG_FIRSTHDR(&changeable); c; c = CMSG_NXTHDR(&changeable, c))
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_SEGMENT)
            return true;
    return false;
}

} // namespace

extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    using Send = ssize_t (*)(int, const msghdr*, int);
    static const auto next = reinterpret_cast<Send>(dlsym(RTLD_NEXT, "sendmsg"));
    if (has_segments(*message)) {
        errno = EIO;
        return -1;
    }
    return next(fd, message, flags);
}

extern "C" int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
    using Send = int (*)(int, mmsghdr*, unsigned, int);
    static const auto next = reinterpret_cast<Send>(dlsym(RTLD_NEXT, "sendmmsg"));
    for (unsigned i = 0; i < count; ++i)
        if (has_segments(messages[i].msg_hdr)) {
            if (i > 0)
                return next(fd, messages, i, flags);
            errno = EIO;
            return -1;
        }
    return next(fd, messages, count, flags);
}
