#include "initramfs-hooks/nbd-attach/messages.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <linux/genetlink.h>
#include <linux/nbd-netlink.h>
#include <linux/netlink.h>

namespace bootview::nbd {
namespace {

constexpr std::size_t padded(std::size_t size) {
    return (size + 3) & ~std::size_t{3};
}

template<typename T>
std::optional<T> read(Bytes bytes) {
    if (bytes.size() < sizeof(T))
        return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

// The messages of a datagram: `visit(header, body)`, until it says true.
template<typename Visit>
bool any_message(Bytes datagram, Visit visit) {
    while (const auto header = read<nlmsghdr>(datagram)) {
        if (header->nlmsg_len < sizeof *header || header->nlmsg_len > datagram.size())
            return false;
        if (visit(*header, datagram.subspan(sizeof *header, header->nlmsg_len - sizeof *header)))
            return true;
        datagram = datagram.subspan(std::min(datagram.size(), padded(header->nlmsg_len)));
    }
    return false;
}

// The first attribute of this kind, from `attributes` on, which then begins behind it.
std::optional<Bytes> next_attribute(Bytes& attributes, std::uint16_t type) {
    while (const auto header = read<nlattr>(attributes)) {
        if (header->nla_len < sizeof *header || header->nla_len > attributes.size())
            break;
        const auto body = attributes.subspan(sizeof *header, header->nla_len - sizeof *header);
        attributes = attributes.subspan(std::min(attributes.size(), padded(header->nla_len)));
        if ((header->nla_type & NLA_TYPE_MASK) == type)
            return body;
    }
    attributes = {};
    return std::nullopt;
}

std::optional<Bytes> attribute(Bytes attributes, std::uint16_t type) {
    return next_attribute(attributes, type);
}

// The attributes of a generic netlink message of this family and command.
std::optional<Bytes> command_attributes(const nlmsghdr& header, Bytes body, std::uint16_t family,
                                        std::uint8_t command) {
    const auto generic = read<genlmsghdr>(body);
    if (header.nlmsg_type != family || !generic || generic->cmd != command)
        return std::nullopt;
    return body.subspan(GENL_HDRLEN);
}

bool is_text(Bytes bytes, std::string_view text) {
    return bytes.size() == text.size() + 1 && bytes.back() == std::byte{0} &&
           std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

void add_socket(Message& message, int socket) {
    const auto sockets = message.open(NBD_ATTR_SOCKETS);
    const auto item = message.open(NBD_SOCK_ITEM);
    message.add(NBD_SOCK_FD, static_cast<std::uint32_t>(socket));
    message.close(item);
    message.close(sockets);
}

} // namespace

Message::Message(std::uint16_t family, std::uint8_t command, std::uint8_t version,
                 std::uint32_t sequence) {
    nlmsghdr header{};
    header.nlmsg_type = family;
    header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    header.nlmsg_seq = sequence;
    append(&header, sizeof header);
    const genlmsghdr generic{command, version, 0};
    append(&generic, sizeof generic);
}

void Message::add(std::uint16_t attribute, const char* text) {
    add(attribute, text, std::strlen(text) + 1);
}

void Message::add(std::uint16_t attribute, const void* data, std::size_t size) {
    const nlattr header{static_cast<std::uint16_t>(NLA_HDRLEN + size), attribute};
    append(&header, sizeof header);
    append(data, size);
}

std::size_t Message::open(std::uint16_t attribute) {
    const auto at = length_;
    const nlattr header{0, static_cast<std::uint16_t>(attribute | NLA_F_NESTED)};
    append(&header, sizeof header);
    return at;
}

void Message::close(std::size_t opened) {
    const auto size = static_cast<std::uint16_t>(length_ - opened);
    std::memcpy(&buffer_[opened], &size, sizeof size);
}

// Every message of ours has its size in its builder; the buffer is for the largest.
void Message::append(const void* data, std::size_t size) {
    std::memcpy(&buffer_[length_], data, size);
    length_ += padded(size);
    const auto total = static_cast<std::uint32_t>(length_);
    std::memcpy(buffer_.data(), &total, sizeof total);
}

Message ask_for_family(std::uint32_t sequence) {
    Message message(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, sequence);
    message.add(CTRL_ATTR_FAMILY_NAME, NBD_GENL_FAMILY_NAME);
    return message;
}

Message connect_device(const Family& family, const Device& device, int socket,
                       std::uint32_t sequence) {
    Message message(family.id, NBD_CMD_CONNECT, NBD_GENL_VERSION, sequence);
    message.add(NBD_ATTR_INDEX, device.index);
    message.add(NBD_ATTR_SIZE_BYTES, device.size);
    message.add(NBD_ATTR_BLOCK_SIZE_BYTES, device.block_size);
    message.add(NBD_ATTR_TIMEOUT, device.timeout);
    message.add(NBD_ATTR_DEAD_CONN_TIMEOUT, device.dead_connection_timeout);
    message.add(NBD_ATTR_SERVER_FLAGS, device.server_flags);
    add_socket(message, socket);
    return message;
}

Message reconfigure_device(const Family& family, std::uint32_t index, std::uint64_t size,
                           int socket, std::uint32_t sequence) {
    Message message(family.id, NBD_CMD_RECONFIGURE, NBD_GENL_VERSION, sequence);
    message.add(NBD_ATTR_INDEX, index);
    if (size != 0)
        message.add(NBD_ATTR_SIZE_BYTES, size);
    add_socket(message, socket);
    return message;
}

Message disconnect_device(const Family& family, std::uint32_t index, std::uint32_t sequence) {
    Message message(family.id, NBD_CMD_DISCONNECT, NBD_GENL_VERSION, sequence);
    message.add(NBD_ATTR_INDEX, index);
    return message;
}

Message ask_for_status(const Family& family, std::uint32_t index, std::uint32_t sequence) {
    Message message(family.id, NBD_CMD_STATUS, NBD_GENL_VERSION, sequence);
    message.add(NBD_ATTR_INDEX, index);
    return message;
}

std::optional<int> find_acknowledgement(Bytes datagram, std::uint32_t sequence) {
    std::optional<int> found;
    any_message(datagram, [&](const nlmsghdr& header, Bytes body) {
        if (header.nlmsg_type != NLMSG_ERROR || header.nlmsg_seq != sequence)
            return false;
        if (const auto error = read<int>(body))
            found = -*error;
        return found.has_value();
    });
    return found;
}

std::optional<Family> find_family(Bytes datagram) {
    std::optional<Family> found;
    any_message(datagram, [&](const nlmsghdr& header, Bytes body) {
        const auto attributes = command_attributes(header, body, GENL_ID_CTRL, CTRL_CMD_NEWFAMILY);
        if (!attributes)
            return false;
        const auto name = attribute(*attributes, CTRL_ATTR_FAMILY_NAME);
        const auto id = attribute(*attributes, CTRL_ATTR_FAMILY_ID);
        auto groups = attribute(*attributes, CTRL_ATTR_MCAST_GROUPS);
        if (!name || !is_text(*name, NBD_GENL_FAMILY_NAME) || !id || id->size() < 2 || !groups)
            return false;
        Family family;
        family.id = *read<std::uint16_t>(*id);
        // They are numbered from 1 on; so few are there.
        for (std::uint16_t number = 1; number <= 8; ++number) {
            const auto group = attribute(*groups, number);
            if (!group)
                continue;
            const auto group_name = attribute(*group, CTRL_ATTR_MCAST_GRP_NAME);
            const auto group_id = attribute(*group, CTRL_ATTR_MCAST_GRP_ID);
            if (group_name && is_text(*group_name, NBD_GENL_MCAST_GROUP_NAME) && group_id &&
                group_id->size() >= 4)
                family.group = *read<std::uint32_t>(*group_id);
        }
        if (family.group == 0)
            return false;
        found = family;
        return true;
    });
    return found;
}

bool announces_dead_link(Bytes datagram, const Family& family, std::uint32_t index) {
    return any_message(datagram, [&](const nlmsghdr& header, Bytes body) {
        const auto attributes = command_attributes(header, body, family.id, NBD_CMD_LINK_DEAD);
        if (!attributes)
            return false;
        const auto which = attribute(*attributes, NBD_ATTR_INDEX);
        return which && read<std::uint32_t>(*which) == index;
    });
}

std::optional<bool> find_status(Bytes datagram, const Family& family, std::uint32_t index) {
    std::optional<bool> found;
    any_message(datagram, [&](const nlmsghdr& header, Bytes body) {
        const auto attributes = command_attributes(header, body, family.id, NBD_CMD_STATUS);
        if (!attributes)
            return false;
        auto list = attribute(*attributes, NBD_ATTR_DEVICE_LIST);
        while (list) {
            const auto item = next_attribute(*list, NBD_DEVICE_ITEM);
            if (!item)
                break;
            const auto which = attribute(*item, NBD_DEVICE_INDEX);
            const auto connected = attribute(*item, NBD_DEVICE_CONNECTED);
            if (which && read<std::uint32_t>(*which) == index && connected && !connected->empty())
                found = connected->front() != std::byte{0};
        }
        return found.has_value();
    });
    return found;
}

} // namespace bootview::nbd
