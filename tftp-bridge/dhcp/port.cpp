#include "tftp-bridge/dhcp/port.h"

#include "tftp-bridge/dhcp/udp_frame.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace bootview::dhcp {
namespace {

bool enable(int fd, int level, int option, int value = 1) {
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

sockaddr_in address_of(Ipv4 address, std::uint16_t port) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    in.sin_addr.s_addr = htonl(address.value);
    return in;
}

bool set_options(int fd) {
    // A whole network that is switched on at once comes in one burst.
    enable(fd, SOL_SOCKET, SO_RCVBUF, 1 << 20);
    // Answers go into the network control class and must pass small MTUs on the way to a relay.
    enable(fd, IPPROTO_IP, IP_TOS, IPTOS_CLASS_CS6);
    enable(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
    return enable(fd, SOL_SOCKET, SO_BROADCAST) && enable(fd, IPPROTO_IP, IP_PKTINFO);
}

Descriptor open_udp_socket(const std::string& interface, Ipv4 address, std::uint16_t port) {
    Descriptor fd(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd)
        return fd;
    const auto in = address_of(address, port);
    const bool bound_to_device =
        interface.empty() || setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                                        static_cast<socklen_t>(interface.size())) == 0;
    if (!bound_to_device || !enable(fd.get(), SOL_SOCKET, SO_REUSEADDR) || !set_options(fd.get()) ||
        bind(fd.get(), reinterpret_cast<const sockaddr*>(&in), sizeof in) != 0)
        fd.reset();
    return fd;
}

} // namespace

Descriptor open_broadcast_socket(const std::string& interface) {
    return open_udp_socket(interface, broadcast_address, server_port);
}

Descriptor open_relay_socket(const std::string& interface, Ipv4 address) {
    return open_udp_socket(interface, address, server_port);
}

Descriptor open_boot_server_socket() {
    return open_udp_socket("", Ipv4{}, boot_server_port);
}

bool prepare_inherited_socket(int fd) {
    sockaddr_in in{};
    socklen_t length = sizeof in;
    int type = 0;
    socklen_t type_length = sizeof type;
    return getsockname(fd, reinterpret_cast<sockaddr*>(&in), &length) == 0 &&
           in.sin_family == AF_INET &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) == 0 && type == SOCK_DGRAM &&
           set_options(fd);
}

Descriptor open_frame_socket(int interface) {
    // Without a protocol it gets nothing, until the filter is there.
    Descriptor fd(socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd)
        return fd;
    // The packet begins with the IP header: UDP, no later fragment, destination port 67.
    std::array<sock_filter, 9> filter = {{
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, server_port, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    }};
    const sock_fprog program{filter.size(), filter.data()};
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_IP);
    address.sll_ifindex = interface;
    if (setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0 ||
        bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        fd.reset();
    return fd;
}

std::optional<Received> Port::receive(std::span<std::uint8_t> buffer, bool& more) const {
    if (way_ == Way::frames)
        return receive_frame(buffer, more);
    sockaddr_in from{};
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<std::byte, 128> control;
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto length = recvmsg(fd_.get(), &message, 0);
    more = length >= 0 || errno == EINTR;
    if (length < 0)
        return std::nullopt;

    Received received;
    received.datagram = Bytes(buffer).first(static_cast<std::size_t>(length));
    received.from = Ipv4{ntohl(from.sin_addr.s_addr)};
    received.from_port = ntohs(from.sin_port);
    for (auto* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
        if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
            in_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(header), sizeof info);
            received.interface = info.ipi_ifindex;
            received.to = Ipv4{ntohl(info.ipi_addr.s_addr)};
        }
    return received;
}

std::optional<Received> Port::receive_frame(std::span<std::uint8_t> buffer, bool& more) const {
    sockaddr_ll from{};
    socklen_t from_length = sizeof from;
    const auto length = recvfrom(fd_.get(), buffer.data(), buffer.size(), 0,
                                 reinterpret_cast<sockaddr*>(&from), &from_length);
    more = length >= 0 || errno == EINTR;
    if (length < 0 || from.sll_pkttype == PACKET_OUTGOING || from.sll_pkttype == PACKET_OTHERHOST)
        return std::nullopt;
    const auto frame = parse_udp_frame(Bytes(buffer).first(static_cast<std::size_t>(length)));
    if (!frame || frame->to_port != server_port)
        return std::nullopt;
    return Received{frame->payload, interface_, frame->from, frame->from_port, frame->to};
}

bool Port::send(Bytes packet, int interface, Ipv4 local, Ipv4 to, std::uint16_t to_port) const {
    if (way_ == Way::frames) {
        const auto frame = build_udp_frame({local, number(), to, to_port, packet});
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(ETH_P_IP);
        address.sll_ifindex = interface;
        address.sll_halen = ETH_ALEN;
        std::memset(address.sll_addr, 0xff, ETH_ALEN); // to everyone
        return sendto(fd_.get(), frame.data(), frame.size(), 0,
                      reinterpret_cast<const sockaddr*>(&address), sizeof address) >= 0;
    }

    auto address = address_of(to, to_port);
    // The datagram is only read; iovec has no way to say so.
    iovec part{const_cast<std::uint8_t*>(packet.data()), packet.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(in_pktinfo))> control{};
    msghdr message{};
    message.msg_name = &address;
    message.msg_namelen = sizeof address;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
    in_pktinfo info{};
    // A broadcast needs its interface. A unicast goes by the routes: it may be far away.
    info.ipi_ifindex = to == broadcast_address ? interface : 0;
    info.ipi_spec_dst.s_addr = htonl(local.value);
    std::memcpy(CMSG_DATA(header), &info, sizeof info);
    return sendmsg(fd_.get(), &message, 0) >= 0;
}

} // namespace bootview::dhcp
