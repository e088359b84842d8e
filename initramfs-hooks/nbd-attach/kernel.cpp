#include "initramfs-hooks/nbd-attach/kernel.h"

#include <array>
#include <cerrno>

#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

namespace bootview::nbd {
namespace {

// The answer about one device or one family is far smaller.
using Buffer = std::array<std::byte, 8192>;

Descriptor open_netlink() {
    Descriptor netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC));
    sockaddr_nl anybody{};
    anybody.nl_family = AF_NETLINK;
    if (!netlink ||
        bind(netlink.get(), reinterpret_cast<const sockaddr*>(&anybody), sizeof anybody) != 0)
        return {};
    return netlink;
}

} // namespace

template<typename Look>
int Kernel::request(const Message& message, Look look) {
    const auto bytes = message.bytes();
    if (send(requests_.get(), bytes.data(), bytes.size(), 0) < 0)
        return errno;
    alignas(4) Buffer buffer;
    while (true) {
        const auto got = recv(requests_.get(), buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        const auto datagram = std::span(buffer).first(static_cast<std::size_t>(got));
        look(datagram);
        if (const auto error = find_acknowledgement(datagram, sequence_))
            return *error;
    }
}

int Kernel::open() {
    requests_ = open_netlink();
    news_ = open_netlink();
    if (!requests_ || !news_)
        return errno;
    const int error = request(ask_for_family(++sequence_), [&](Bytes datagram) {
        if (const auto family = find_family(datagram))
            family_ = *family;
    });
    if (error != 0)
        return error;
    if (family_.group == 0)
        return ENOENT;
    if (setsockopt(news_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &family_.group,
                   sizeof family_.group) != 0)
        return errno;
    return 0;
}

int Kernel::connect(const Device& device, int socket) {
    return request(connect_device(family_, device, socket, ++sequence_), [](Bytes) {});
}

int Kernel::reconfigure(std::uint32_t index, std::uint64_t size, int socket) {
    return request(reconfigure_device(family_, index, size, socket, ++sequence_), [](Bytes) {});
}

int Kernel::disconnect(std::uint32_t index) {
    return request(disconnect_device(family_, index, ++sequence_), [](Bytes) {});
}

std::optional<bool> Kernel::status(std::uint32_t index) {
    std::optional<bool> connected;
    request(ask_for_status(family_, index, ++sequence_), [&](Bytes datagram) {
        if (const auto found = find_status(datagram, family_, index))
            connected = found;
    });
    return connected;
}

bool Kernel::wait_for_dead_link(std::uint32_t index, int milliseconds) {
    pollfd waiting{news_.get(), POLLIN, 0};
    if (poll(&waiting, 1, milliseconds) <= 0)
        return false;
    alignas(4) Buffer buffer;
    const auto got = recv(news_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    // Too much news at once, and some of it is lost: it may have been ours.
    if (got < 0)
        return errno == ENOBUFS;
    return announces_dead_link(std::span(buffer).first(static_cast<std::size_t>(got)), family_,
                               index);
}

} // namespace bootview::nbd
