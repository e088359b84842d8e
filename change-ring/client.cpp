#include "change-ring/client.h"

#include "change-ring/protocol.h"
#include "change-ring/subscriber.h"
#include "common/unix_socket.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

namespace bootview::ring {

namespace {

// Packets that are looked at before others get their turn: a server sends one for each time that it
// was quiet before.
constexpr int at_a_time = 64;

// One packet, and the descriptor that came with it. There is room for no second one, which the
// kernel closes then.
ssize_t receive(int fd, Message& message, Descriptor& passed) {
    iovec data{&message, sizeof message};
    alignas(cmsghdr) std::array<char, CMSG_LEN(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const cmsghdr* rights = got >= 0 ? CMSG_FIRSTHDR(&header) : nullptr;
    if (rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
        int received = -1;
        std::memcpy(&received, CMSG_DATA(rights), sizeof received);
        passed.reset(received);
    }
    return got;
}

} // namespace

Connection::Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Handshake::Handshake(std::string path, Descriptor socket) : path_(std::move(path)) {
    connection_.socket = std::move(socket);
}

std::unique_ptr<Handshake> Handshake::begin(const std::string& path, uid_t image_owner) {
    Descriptor socket = connect_to(path, SOCK_SEQPACKET);
    if (!socket)
        switch (errno) {
        case EACCES:
            throw std::runtime_error(fmt::format(
                "{}: no permission to connect: give the plugin notify-group= and notify-mode=0660, "
                "or run both as the same user",
                path));
        case ENAMETOOLONG:
            throw std::runtime_error(fmt::format("{}: {}: name a shorter path with notify=", path,
                                                 std::strerror(errno)));
        case EMFILE:
        case ENFILE:
            throw std::runtime_error(fmt::format("{}: {}", path, std::strerror(errno)));
        default: // nobody is there
            return nullptr;
        }

    // Whoever holds the socket decides what we believe about the image.
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        (peer.uid != 0 && peer.uid != ::geteuid() && peer.uid != image_owner))
        throw std::runtime_error(fmt::format(
            "{}: not trusted: its server runs as user {}, who is neither root, nor you, nor the "
            "image's owner",
            path, peer.uid));

    const Message hello{MessageType::hello, abi_version, 0};
    if (::send(socket.get(), &hello, sizeof hello, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof hello)
        return nullptr;
    return std::unique_ptr<Handshake>{new Handshake(path, std::move(socket))};
}

Handshake::Progress Handshake::proceed() {
    for (int i = 0; i < at_a_time; ++i) {
        Message answer{};
        Descriptor segment;
        const ssize_t got = receive(connection_.socket.get(), answer, segment);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return Progress::waiting;
        if (got != sizeof answer)
            return Progress::over;
        if (answer.type == MessageType::refused)
            throw std::runtime_error(fmt::format(
                "{}: the server refused: {}", path_,
                answer.value == EPROTO
                    ? fmt::format("it has change ring version {}, this program {}: install the "
                                  "same version of both",
                                  answer.abi, abi_version)
                    : std::strerror(static_cast<int>(answer.value))));
        if (answer.type == MessageType::welcome && segment) {
            connection_.ring = std::make_unique<Subscriber>(std::move(segment));
            return Progress::done;
        }
    }
    return Progress::waiting;
}

Connection connect(const std::string& path, uid_t image_owner, std::chrono::milliseconds patience) {
    const auto handshake = Handshake::begin(path, image_owner);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (handshake) {
        const auto progress = handshake->proceed();
        if (progress == Handshake::Progress::done)
            return handshake->take();
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (progress == Handshake::Progress::over || left.count() <= 0)
            break;
        pollfd ready{handshake->socket(), POLLIN, 0};
        ::poll(&ready, 1, static_cast<int>(left.count()));
    }
    return {};
}

Heard hear(const Connection& connection) noexcept {
    Heard heard = Heard::nothing;
    for (int i = 0; i < at_a_time; ++i) {
        Message message{};
        const ssize_t got = ::recv(connection.socket.get(), &message, sizeof message, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return Heard::end;
        if (got < 0 && errno == EAGAIN)
            return heard;
        if (got > 0)
            heard = Heard::wake;
    }
    return heard;
}

} // namespace bootview::ring
