#include "bootview/readiness.h"

#include "common/service_notify.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <string>

namespace bootview {
namespace {

TEST(NotifySocket, TakesReadyAmongOtherNews) {
    NotifySocket socket;
    ::setenv("NOTIFY_SOCKET", socket.name().c_str(), 1);
    notify_service_manager("STATUS=mounting");
    EXPECT_FALSE(socket.take_ready());
    notify_service_manager("STATUS=done\nREADY=1");
    EXPECT_TRUE(socket.take_ready());
    EXPECT_FALSE(socket.take_ready());
    ::unsetenv("NOTIFY_SOCKET");
}

bool readable(int fd) {
    pollfd wait{fd, POLLIN, 0};
    return ::poll(&wait, 1, 5000) == 1;
}

TEST(NbdGreeting, IsReadyWhenGreetedAndLeavesInOrder) {
    const auto loopback = *parse_address("127.0.0.1");
    const Bound server = bind_port(loopback, 0, Transport::tcp);
    NbdGreeting greeting(loopback, port_of(server.socket.get()));
    const Descriptor client{::accept(server.socket.get(), nullptr, nullptr)};
    EXPECT_FALSE(greeting.take_ready());
    ASSERT_EQ(::send(client.get(), "NBDMAGIC", 8, 0), 8);
    ASSERT_TRUE(readable(greeting.fd()));
    EXPECT_FALSE(greeting.take_ready());
    ASSERT_EQ(::send(client.get(), "IHAVEOPT\0\3", 10, 0), 10);
    ASSERT_TRUE(readable(greeting.fd()));
    EXPECT_TRUE(greeting.take_ready());
    std::array<char, 64> farewell{};
    ASSERT_TRUE(readable(client.get()));
    ASSERT_EQ(::recv(client.get(), farewell.data(), farewell.size(), 0), 20);
    EXPECT_EQ(std::string(farewell.data() + 4, 12), std::string("IHAVEOPT\0\0\0\2", 12));
}

TEST(NbdGreeting, AnotherServerIsNotTakenForNbd) {
    const auto loopback = *parse_address("127.0.0.1");
    const Bound server = bind_port(loopback, 0, Transport::tcp);
    NbdGreeting greeting(loopback, port_of(server.socket.get()));
    const Descriptor client{::accept(server.socket.get(), nullptr, nullptr)};
    ASSERT_EQ(::send(client.get(), "SSH-2.0-OpenSSH_9.2p1 Debian", 28, 0), 28);
    ASSERT_TRUE(readable(greeting.fd()));
    EXPECT_FALSE(greeting.take_ready());
}

} // namespace
} // namespace bootview
