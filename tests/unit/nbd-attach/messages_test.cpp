// Our netlink messages, read by libnl, and libnl's, read by us; then cut off at every byte.
#include "initramfs-hooks/nbd-attach/messages.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <linux/genetlink.h>
#include <linux/nbd-netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

namespace bootview::nbd {
namespace {

constexpr Family family{0x1d, 7};

// libnl wants a header it may write to.
class Parsed {
public:
    explicit Parsed(const Message& message)
        : bytes_(message.bytes().begin(), message.bytes().end()) {
        EXPECT_EQ(header()->nlmsg_len, bytes_.size());
        EXPECT_TRUE(genlmsg_valid_hdr(header(), 0));
        EXPECT_EQ(genlmsg_parse(header(), 0, attributes.data(), NBD_ATTR_MAX, nullptr), 0);
    }
    nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(bytes_.data()); }
    genlmsghdr* generic() { return genlmsg_hdr(header()); }
    std::uint64_t number64(int type) {
        return nla_get_u64(attributes.at(static_cast<std::size_t>(type)));
    }
    bool has(int type) { return attributes.at(static_cast<std::size_t>(type)) != nullptr; }
    std::uint32_t socket() {
        std::array<nlattr*, NBD_SOCK_ITEM_MAX + 1> items{};
        std::array<nlattr*, NBD_SOCK_MAX + 1> item{};
        EXPECT_EQ(nla_parse_nested(items.data(), NBD_SOCK_ITEM_MAX, attributes[NBD_ATTR_SOCKETS],
                                   nullptr),
                  0);
        EXPECT_EQ(nla_parse_nested(item.data(), NBD_SOCK_MAX, items[NBD_SOCK_ITEM], nullptr), 0);
        return nla_get_u32(item[NBD_SOCK_FD]);
    }

    std::array<nlattr*, NBD_ATTR_MAX + 1> attributes{};

private:
    std::vector<std::byte> bytes_;
};

struct FreeMessage {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using Built = std::unique_ptr<nl_msg, FreeMessage>;

Built build(int id, std::uint8_t command) {
    Built message(nlmsg_alloc());
    genlmsg_put(message.get(), 1, 5, id, 0, 0, command, 1);
    return message;
}
Bytes bytes(const Built& message) {
    const auto* header = nlmsg_hdr(message.get());
    return {reinterpret_cast<const std::byte*>(header), header->nlmsg_len};
}

// The answer to CTRL_CMD_GETFAMILY, as the kernel sends it.
Built family_answer(const char* name, const char* group_name) {
    auto message = build(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY);
    nla_put_string(message.get(), CTRL_ATTR_FAMILY_NAME, name);
    nla_put_u16(message.get(), CTRL_ATTR_FAMILY_ID, 0x1d);
    nla_put_u32(message.get(), CTRL_ATTR_VERSION, 1);
    auto* groups = nla_nest_start(message.get(), CTRL_ATTR_MCAST_GROUPS);
    auto* group = nla_nest_start(message.get(), 1);
    nla_put_u32(message.get(), CTRL_ATTR_MCAST_GRP_ID, 7);
    nla_put_string(message.get(), CTRL_ATTR_MCAST_GRP_NAME, group_name);
    nla_nest_end(message.get(), group);
    nla_nest_end(message.get(), groups);
    return message;
}

Built status_answer(std::uint32_t index, bool connected) {
    auto message = build(family.id, NBD_CMD_STATUS);
    auto* list = nla_nest_start(message.get(), NBD_ATTR_DEVICE_LIST);
    for (const auto& [number, state] : {std::pair{99U, !connected}, std::pair{index, connected}}) {
        auto* item = nla_nest_start(message.get(), NBD_DEVICE_ITEM);
        nla_put_u32(message.get(), NBD_DEVICE_INDEX, number);
        nla_put_u8(message.get(), NBD_DEVICE_CONNECTED, state ? 1 : 0);
        nla_nest_end(message.get(), item);
    }
    nla_nest_end(message.get(), list);
    return message;
}

TEST(Messages, TheDeviceIsSetUpAsItWasAskedFor) {
    const Device device{3, 0x123456789a00, 4096, 30, 604800, 0x105};
    Parsed parsed(connect_device(family, device, 42, 5));
    EXPECT_EQ(parsed.header()->nlmsg_type, 0x1d);
    EXPECT_EQ(parsed.header()->nlmsg_seq, 5U);
    EXPECT_EQ(parsed.header()->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
    EXPECT_EQ(parsed.generic()->cmd, NBD_CMD_CONNECT);
    EXPECT_EQ(nla_get_u32(parsed.attributes[NBD_ATTR_INDEX]), 3U);
    EXPECT_EQ(parsed.number64(NBD_ATTR_SIZE_BYTES), 0x123456789a00U);
    EXPECT_EQ(parsed.number64(NBD_ATTR_BLOCK_SIZE_BYTES), 4096U);
    EXPECT_EQ(parsed.number64(NBD_ATTR_TIMEOUT), 30U);
    EXPECT_EQ(parsed.number64(NBD_ATTR_DEAD_CONN_TIMEOUT), 604800U);
    EXPECT_EQ(parsed.number64(NBD_ATTR_SERVER_FLAGS), 0x105U);
    EXPECT_EQ(parsed.socket(), 42U);
}

TEST(Messages, ANewConnectionLeavesTheSizeAloneUnlessItGrew) {
    Parsed same(reconfigure_device(family, 3, 0, 43, 6));
    EXPECT_EQ(same.generic()->cmd, NBD_CMD_RECONFIGURE);
    EXPECT_EQ(same.socket(), 43U);
    EXPECT_FALSE(same.has(NBD_ATTR_SIZE_BYTES));
    Parsed grown(reconfigure_device(family, 3, 1 << 30, 43, 6));
    EXPECT_EQ(grown.number64(NBD_ATTR_SIZE_BYTES), 1U << 30);
}

TEST(Messages, TheOthersNameTheDevice) {
    Parsed end(disconnect_device(family, 9, 1));
    EXPECT_EQ(end.generic()->cmd, NBD_CMD_DISCONNECT);
    EXPECT_EQ(nla_get_u32(end.attributes[NBD_ATTR_INDEX]), 9U);
    Parsed status(ask_for_status(family, 9, 1));
    EXPECT_EQ(status.generic()->cmd, NBD_CMD_STATUS);
    Parsed ask(ask_for_family(1));
    EXPECT_EQ(ask.header()->nlmsg_type, GENL_ID_CTRL);
    EXPECT_STREQ(nla_get_string(ask.attributes[CTRL_ATTR_FAMILY_NAME]), "nbd");
}

TEST(Messages, TheFamilyIsFoundWithItsGroup) {
    const auto found = find_family(bytes(family_answer("nbd", "nbd_mc_group")));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, 0x1d);
    EXPECT_EQ(found->group, 7U);
    EXPECT_FALSE(find_family(bytes(family_answer("nbdx", "nbd_mc_group"))));
    EXPECT_FALSE(find_family(bytes(family_answer("nbd", "other"))));
}

TEST(Messages, ADeadLinkIsThatOfTheDeviceItNames) {
    auto message = build(family.id, NBD_CMD_LINK_DEAD);
    nla_put_u32(message.get(), NBD_ATTR_INDEX, 3);
    EXPECT_TRUE(announces_dead_link(bytes(message), family, 3));
    EXPECT_FALSE(announces_dead_link(bytes(message), family, 0));
    EXPECT_FALSE(announces_dead_link(bytes(message), Family{0x1e, 7}, 3));
}

TEST(Messages, TheStatusIsThatOfTheDeviceAskedAbout) {
    EXPECT_EQ(find_status(bytes(status_answer(3, true)), family, 3), true);
    EXPECT_EQ(find_status(bytes(status_answer(3, false)), family, 3), false);
    EXPECT_FALSE(find_status(bytes(status_answer(3, true)), family, 4));
}

TEST(Messages, AnErrorBelongsToItsRequest) {
    struct {
        nlmsghdr header{sizeof(nlmsghdr) + sizeof(nlmsgerr), NLMSG_ERROR, 0, 5, 0};
        nlmsgerr error{-16, {}};
    } answer;
    const auto datagram = std::as_bytes(std::span(&answer, 1));
    EXPECT_EQ(find_acknowledgement(datagram, 5), 16);
    EXPECT_FALSE(find_acknowledgement(datagram, 6));
    answer.error.error = 0;
    EXPECT_EQ(find_acknowledgement(datagram, 5), 0);
}

// Cut off, and with each length wrong: under the sanitizers, nothing beyond is read.
TEST(Messages, AnswersThatAreBrokenAreNone) {
    const auto status = status_answer(3, true);
    const auto ours = family_answer("nbd", "nbd_mc_group");
    for (const auto& message : {bytes(status), bytes(ours)}) {
        for (std::size_t length = 0; length < message.size(); ++length) {
            const std::vector<std::byte> cut(message.begin(),
                                             message.begin() + static_cast<std::ptrdiff_t>(length));
            EXPECT_FALSE(find_status(cut, family, 3));
            EXPECT_FALSE(find_family(cut));
            EXPECT_FALSE(announces_dead_link(cut, family, 3));
            for (const int value : {0, 1, 3, 4, 255}) {
                std::vector<std::byte> changed(message.begin(), message.end());
                changed[length] = static_cast<std::byte>(value);
                find_status(changed, family, 3);
                find_family(changed);
                find_acknowledgement(changed, 5);
            }
        }
    }
}

} // namespace
} // namespace bootview::nbd
