#include "tftp-bridge/clients/neighbour_table.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace bootview::clients {
namespace {

const auto address = *tftp::Endpoint::from_text("192.0.2.7", 0);
const dhcp::Mac mac{{2, 0, 0, 0, 0, 7}};

template<typename T>
void append(std::vector<std::byte>& to, const T& value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    to.insert(to.end(), bytes, bytes + sizeof value);
}

void append_attribute(std::vector<std::byte>& to, std::uint16_t type, const std::uint8_t* data,
                      std::size_t size) {
    append(to, rtattr{static_cast<std::uint16_t>(sizeof(rtattr) + size), type});
    for (std::size_t i = 0; i < (size + 3) / 4 * 4; ++i)
        to.push_back(i < size ? std::byte{data[i]} : std::byte{0});
}

std::vector<std::byte> neighbour(const tftp::Endpoint& of, std::uint16_t state) {
    std::vector<std::byte> body;
    ndmsg entry{};
    entry.ndm_family = static_cast<std::uint8_t>(of.family);
    entry.ndm_state = state;
    append(body, entry);
    append_attribute(body, NDA_DST, of.address.data(), 4);
    append_attribute(body, NDA_LLADDR, mac.bytes.data(), 6);
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + body.size());
    header.nlmsg_type = RTM_NEWNEIGH;
    std::vector<std::byte> message;
    append(message, header);
    message.insert(message.end(), body.begin(), body.end());
    return message;
}

TEST(NeighbourTable, TheMacOfAnAddressIsFoundAmongOthers) {
    bool done = false;
    auto datagram = neighbour(*tftp::Endpoint::from_text("192.0.2.8", 0), NUD_REACHABLE);
    EXPECT_FALSE(find_in_neighbours(datagram, address, done));
    EXPECT_FALSE(done);
    const auto second = neighbour(address, NUD_STALE);
    datagram.insert(datagram.end(), second.begin(), second.end());
    EXPECT_EQ(find_in_neighbours(datagram, address, done), mac);
}

TEST(NeighbourTable, AnEntryThatIsNotValidIsNone) {
    bool done = false;
    for (const std::uint16_t state : {NUD_INCOMPLETE, NUD_FAILED, NUD_NOARP})
        EXPECT_FALSE(find_in_neighbours(neighbour(address, state), address, done));
}

TEST(NeighbourTable, ItsEndIsSeen) {
    std::vector<std::byte> datagram;
    nlmsghdr header{};
    header.nlmsg_len = sizeof header;
    header.nlmsg_type = NLMSG_DONE;
    append(datagram, header);
    bool done = false;
    EXPECT_FALSE(find_in_neighbours(datagram, address, done));
    EXPECT_TRUE(done);
    done = false;
    EXPECT_FALSE(find_in_neighbours({}, address, done));
    EXPECT_TRUE(done);
}

TEST(NeighbourTable, BrokenLengthsEndTheSearchAndNothingElse) {
    std::mt19937 random(1);
    const auto good = neighbour(address, NUD_REACHABLE);
    for (int i = 0; i < 5000; ++i) {
        auto datagram = good;
        datagram[random() % datagram.size()] = static_cast<std::byte>(random());
        datagram.resize(random() % (datagram.size() + 1));
        bool done = false;
        find_in_neighbours(datagram, address, done);
    }
}

TEST(NeighbourTable, TheKernelIsAskedAndAnswers) {
    NeighbourTable table;
    // Nobody's address (RFC 5737); what matters is that the question comes to an end.
    EXPECT_FALSE(table.find(address));
    EXPECT_FALSE(table.find(*tftp::Endpoint::from_text("2001:db8::1", 0)));
}

} // namespace
} // namespace bootview::clients
