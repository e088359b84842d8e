#include "tftp-bridge/clients/neighbour_table.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace bootview::clients {
namespace {

// Headers are copied out, as nothing says that they are aligned in the buffer.
template<typename T>
std::optional<T> read_at(std::span<const std::byte> bytes, std::size_t at) {
    if (at > bytes.size() || bytes.size() - at < sizeof(T))
        return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

std::size_t aligned(std::size_t length) {
    return (length + 3) & ~std::size_t{3};
}

std::size_t address_size(sa_family_t family) {
    return family == AF_INET6 ? 16 : 4;
}

std::optional<dhcp::Mac> read_neighbour(std::span<const std::byte> message,
                                        const tftp::Endpoint& address) {
    const auto entry = read_at<ndmsg>(message, 0);
    constexpr unsigned unusable = NUD_INCOMPLETE | NUD_FAILED | NUD_NOARP;
    if (!entry || entry->ndm_family != address.family || (entry->ndm_state & unusable) != 0)
        return std::nullopt;
    if (address.scope != 0 && static_cast<std::uint32_t>(entry->ndm_ifindex) != address.scope)
        return std::nullopt;

    bool matches = false;
    std::optional<dhcp::Mac> mac;
    for (std::size_t at = aligned(sizeof(ndmsg));;) {
        const auto attribute = read_at<rtattr>(message, at);
        if (!attribute || attribute->rta_len < sizeof(rtattr) ||
            attribute->rta_len > message.size() - at)
            break;
        const auto value =
            message.subspan(at + sizeof(rtattr), attribute->rta_len - sizeof(rtattr));
        if (attribute->rta_type == NDA_DST && value.size() == address_size(address.family))
            matches = std::memcmp(value.data(), address.address.data(), value.size()) == 0;
        if (attribute->rta_type == NDA_LLADDR && value.size() == 6) {
            mac.emplace();
            std::memcpy(mac->bytes.data(), value.data(), value.size());
        }
        at += aligned(attribute->rta_len);
    }
    return matches ? mac : std::nullopt;
}

} // namespace

std::optional<dhcp::Mac> find_in_neighbours(std::span<const std::byte> datagram,
                                            const tftp::Endpoint& address, bool& done) {
    for (std::size_t at = 0;;) {
        const auto header = read_at<nlmsghdr>(datagram, at);
        if (!header || header->nlmsg_len < sizeof(nlmsghdr) ||
            header->nlmsg_len > datagram.size() - at) {
            done = done || at == 0; // nothing that could be understood: no use in asking on
            return std::nullopt;
        }
        if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) {
            done = true;
            return std::nullopt;
        }
        if (header->nlmsg_type == RTM_NEWNEIGH)
            if (const auto mac = read_neighbour(
                    datagram.subspan(at + sizeof(nlmsghdr), header->nlmsg_len - sizeof(nlmsghdr)),
                    address))
                return mac;
        at += aligned(header->nlmsg_len);
    }
}

std::optional<dhcp::Mac> NeighbourTable::find(const tftp::Endpoint& address) {
    // A new socket each time: what is left of an answer that we did not read to its end goes with
    // it.
    if (!ask(address.family))
        return std::nullopt;
    std::array<std::byte, 16384> buffer;
    std::optional<dhcp::Mac> mac;
    for (bool done = false; !done && !mac;) {
        const auto length = recv(netlink_.get(), buffer.data(), buffer.size(), 0);
        if (length <= 0)
            break;
        mac = find_in_neighbours(std::span(buffer).first(static_cast<std::size_t>(length)), address,
                                 done);
    }
    netlink_.reset();
    return mac;
}

bool NeighbourTable::ask(sa_family_t family) {
    // Not to wait for: the kernel has the beginning of the answer ready when send() returns, and
    // each part when the one before is read.
    netlink_.reset(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    if (!netlink_)
        return false;
    struct {
        nlmsghdr header;
        ndmsg entry;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = RTM_GETNEIGH;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.entry.ndm_family = static_cast<std::uint8_t>(family);
    return send(netlink_.get(), &request, sizeof request, 0) ==
           static_cast<ssize_t>(sizeof request);
}

} // namespace bootview::clients
