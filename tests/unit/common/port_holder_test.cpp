#include "common/port_holder.h"

#include "bootview/endpoint.h"
#include "common/read_whole.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace bootview {
namespace {

constexpr const char* tcp_table =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 0100007F:2A39 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "4711 1 ffff 100 0 0 10 0\n"
    "   1: 0100007F:2A39 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 "
    "4712 1 ffff 100 0 0 10 0\n"
    "   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "4713 1 ffff 100 0 0 10 0\n";

TEST(PortHolder, OnlyTheListeningSocketOfATcpPortCounts) {
    EXPECT_EQ(sockets_on_port(tcp_table, 10809, Transport::tcp), std::vector<std::uint64_t>{4711});
    EXPECT_TRUE(sockets_on_port(tcp_table, 69, Transport::tcp).empty());
    EXPECT_EQ(sockets_on_port(tcp_table, 10809, Transport::udp).size(), 2U);
}

TEST(PortHolder, FindsThisVeryProcess) {
    for (const auto transport : {Transport::tcp, Transport::udp}) {
        const Bound bound = bind_port(*parse_address("127.0.0.1"), 0, transport);
        ASSERT_EQ(bound.error, 0);
        const auto holder = find_port_holder(port_of(bound.socket.get()), transport);
        ASSERT_TRUE(holder);
        EXPECT_EQ(holder->pid, ::getpid());
        EXPECT_FALSE(holder->arguments.empty());
    }
}

// Opening it works, and reading it does not: as with a process that ends meanwhile.
TEST(ReadWhole, IsEmptyForWhatCannotBeRead) {
    EXPECT_EQ(read_whole("/"), "");
    EXPECT_EQ(read_whole("/no/such/file"), "");
}

// Both are bound, and the system tells neither of the other.
TEST(PortHolder, IsFoundAlsoWhereThePortIsShared) {
    Descriptor first{::socket(AF_INET, SOCK_DGRAM, 0)};
    const int on = 1;
    ::setsockopt(first.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    auto address = socket_address(*parse_address("127.0.0.1"), 0);
    ASSERT_EQ(::bind(first.get(), address.get(), address.length), 0);
    const auto holders = find_port_holders(port_of(first.get()), Transport::udp);
    ASSERT_EQ(holders.known.size(), 1U);
    EXPECT_EQ(holders.known.front().pid, ::getpid());
    EXPECT_FALSE(holders.others);
    const auto port = port_of(first.get());
    first.reset();
    EXPECT_TRUE(find_port_holders(port, Transport::udp).known.empty());
}

} // namespace
} // namespace bootview
