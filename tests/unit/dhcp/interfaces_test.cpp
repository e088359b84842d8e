#include "tftp-bridge/dhcp/interfaces.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace bootview::dhcp {
namespace {

TEST(DhcpInterfaces, TheAddressInTheClientsNetworkIsChosen) {
    Interface interface;
    EXPECT_EQ(interface.address_for(Ipv4{1}), Ipv4{});
    interface.addresses = {{{0x0a000001}, {0xffffff00}}, {{0x0a4d0002}, {0xffff0000}}};
    EXPECT_EQ(interface.address_for(Ipv4{}), (Ipv4{0x0a000001}));
    EXPECT_EQ(interface.address_for(Ipv4{0x0a4d1234}), (Ipv4{0x0a4d0002}));
    EXPECT_EQ(interface.address_for(Ipv4{0xc0000201}), (Ipv4{0x0a000001}));
}

TEST(DhcpInterfaces, TheLoopbackIsThereAndCannotBroadcast) {
    const auto all = list_interfaces();
    const auto loopback =
        std::find_if(all.begin(), all.end(), [](const Interface& one) { return one.name == "lo"; });
    ASSERT_NE(loopback, all.end());
    EXPECT_FALSE(loopback->can_broadcast);
    EXPECT_GT(loopback->index, 0);
}

} // namespace
} // namespace bootview::dhcp
