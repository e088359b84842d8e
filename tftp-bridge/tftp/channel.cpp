#include "tftp-bridge/tftp/channel.h"

#include <netinet/udp.h>

#include <cstring>
#include <utility>

namespace bootview::tftp {
namespace {

// Appends one control message behind the `used` bytes that are there.
template<typename T>
void append(std::byte* control, std::size_t& used, int level, int type, const T& value) {
    auto* header = reinterpret_cast<cmsghdr*>(control + used);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(header), &value, sizeof value);
    used += CMSG_SPACE(sizeof value);
}

} // namespace

Channel::Channel(Descriptor connected, unsigned interface)
    : own_(std::move(connected)), fd_(own_.get()), interface_(interface) {}

Channel::Channel(int listener, const Endpoint& local, const Endpoint& client, unsigned interface)
    : fd_(listener), interface_(interface), local_(local),
      client_length_(client.to_sockaddr_for(listener, client_)) {}

void Channel::address(msghdr& message, std::byte* control, std::uint16_t segment) const {
    std::size_t used = 0;
    if (segment != 0)
        append(control, used, SOL_UDP, UDP_SEGMENT, segment);
    if (client_length_ != 0) {
        message.msg_name = const_cast<sockaddr_storage*>(&client_);
        message.msg_namelen = client_length_;
        if (local_.family == AF_INET) {
            in_pktinfo info{};
            std::memcpy(&info.ipi_spec_dst, local_.address.data(), sizeof info.ipi_spec_dst);
            append(control, used, IPPROTO_IP, IP_PKTINFO, info);
        } else {
            in6_pktinfo info{};
            std::memcpy(&info.ipi6_addr, local_.address.data(), sizeof info.ipi6_addr);
            info.ipi6_ifindex = local_.scope;
            append(control, used, IPPROTO_IPV6, IPV6_PKTINFO, info);
        }
    } else {
        message.msg_name = nullptr;
        message.msg_namelen = 0;
    }
    message.msg_control = used != 0 ? control : nullptr;
    message.msg_controllen = used;
}

bool Channel::send(Bytes packet, int flags) const {
    iovec part{const_cast<std::byte*>(packet.data()), packet.size()};
    alignas(cmsghdr) std::array<std::byte, control_bytes> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    address(message, control.data(), 0);
    return sendmsg(fd_, &message, flags | MSG_DONTWAIT) >= 0;
}

} // namespace bootview::tftp
