#include "bootview/endpoint.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace bootview {
namespace {

TEST(Endpoint, AddressesAreTakenInNumbersOnly) {
    EXPECT_EQ(parse_address("192.0.2.1")->text, "192.0.2.1");
    EXPECT_EQ(parse_address("[::1]")->text, "::1");
    EXPECT_EQ(parse_address("::1")->in_uri(), "[::1]");
    EXPECT_TRUE(parse_address("")->is_any());
    EXPECT_TRUE(parse_address("*")->is_any());
    EXPECT_TRUE(parse_address("0.0.0.0")->is_any());
    EXPECT_FALSE(parse_address("localhost"));
    EXPECT_FALSE(parse_address("192.0.2.256"));
    EXPECT_FALSE(parse_address("192.0.2.1:69"));
}

TEST(Endpoint, PortZeroTakesAFreeOneAndATakenPortIsRefused) {
    const auto loopback = *parse_address("127.0.0.1");
    for (const auto transport : {Transport::tcp, Transport::udp}) {
        const Bound first = bind_port(loopback, 0, transport);
        ASSERT_EQ(first.error, 0);
        const auto port = port_of(first.socket.get());
        EXPECT_GT(port, 0);
        EXPECT_EQ(bind_port(loopback, port, transport).error, EADDRINUSE);
    }
}

TEST(Endpoint, AnAddressOfAnotherMachineIsRefused) {
    EXPECT_EQ(bind_port(*parse_address("192.0.2.77"), 0, Transport::tcp).error, EADDRNOTAVAIL);
}

} // namespace
} // namespace bootview
