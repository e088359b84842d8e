#include "tftp-bridge/tftp/endpoint.h"
#include "tftp-bridge/tftp/start_error.h"

#include <netinet/in.h>

#include <gtest/gtest.h>

namespace bootview::tftp {
namespace {

std::string shown(const ListenAddress& address) {
    return address.endpoint ? address.endpoint->to_string() : ":" + std::to_string(address.port);
}

TEST(Endpoint, EveryWayToWriteAListenAddressWorks) {
    EXPECT_EQ(shown(parse_listen_address("192.0.2.1")), "192.0.2.1:69");
    EXPECT_EQ(shown(parse_listen_address("192.0.2.1:6969")), "192.0.2.1:6969");
    EXPECT_EQ(shown(parse_listen_address(":6969")), ":6969");
    EXPECT_EQ(shown(parse_listen_address("[2001:db8::1]")), "[2001:db8::1]:69");
    EXPECT_EQ(shown(parse_listen_address("[::1]:0")), "[::1]:0");
}

TEST(Endpoint, AWrongListenAddressIsRefusedWithAHint) {
    for (const auto* text : {"", "6969", "::1", "2001:db8::1:69", "[::1", "[::1]69",
                             "192.0.2.1:", ":x", ":65536", ":-1", "localhost:69", "[192.0.2.1.]"}) {
        try {
            parse_listen_address(text);
            FAIL() << text;
        } catch (const StartError& error) {
            EXPECT_NE(std::string(error.what()).find("write ADDR"), std::string::npos) << text;
        }
    }
}

TEST(Endpoint, AnIpv4ClientOfADualStackSocketIsAnIpv4Client) {
    const auto mapped = Endpoint::from_text("::ffff:192.0.2.7", 1234);
    ASSERT_TRUE(mapped);
    sockaddr_storage storage;
    mapped->to_sockaddr(storage);
    const auto client = Endpoint::from_sockaddr(storage);
    EXPECT_EQ(client.family, AF_INET);
    EXPECT_EQ(client.to_string(), "192.0.2.7:1234");
    EXPECT_EQ(client, Endpoint::from_text("192.0.2.7", 1234));
}

TEST(Endpoint, AddressesSurviveTheWayThroughTheKernelsForm) {
    for (const auto* text : {"192.0.2.7", "2001:db8::7", "::1"}) {
        const auto endpoint = Endpoint::from_text(text, 4242);
        ASSERT_TRUE(endpoint);
        sockaddr_storage storage;
        endpoint->to_sockaddr(storage);
        EXPECT_EQ(Endpoint::from_sockaddr(storage), *endpoint);
        EXPECT_EQ(EndpointHash{}(Endpoint::from_sockaddr(storage)), EndpointHash{}(*endpoint));
    }
}

} // namespace
} // namespace bootview::tftp
