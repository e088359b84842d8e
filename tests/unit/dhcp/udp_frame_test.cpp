#include "tftp-bridge/dhcp/udp_frame.h"

#include "messages.h"

#include <gtest/gtest.h>

#include <random>

namespace bootview::dhcp {
namespace {

// 10.77.0.2:67 to 255.255.255.255:68, "hello", written down by hand without the checksums.
const auto by_hand = from_hex("45c0 0021 0000 0000 4011 0000 0a4d0002 ffffffff"
                              "0043 0044 000d 0000 68656c6c6f");

UdpFrame hello() {
    static const auto payload = value_of("hello");
    return {Ipv4{0x0a4d0002}, 67, broadcast_address, 68, payload};
}

std::uint32_t words(Bytes bytes) {
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at < bytes.size(); at += 2)
        sum += static_cast<std::uint32_t>(bytes[at] << 8) +
               (at + 1 < bytes.size() ? bytes[at + 1] : 0U);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

// RFC 1071: with its checksum in it, everything adds up to ffff.
TEST(UdpFrame, TheChecksumsAddUp) {
    const auto packet = build_udp_frame(hello());
    EXPECT_EQ(words(Bytes(packet).first(20)), 0xffffU);
    auto with_pseudo_header = from_hex("0a4d0002 ffffffff 0011 000d");
    with_pseudo_header.insert(with_pseudo_header.end(), packet.begin() + 20, packet.end());
    EXPECT_EQ(words(with_pseudo_header), 0xffffU);
    EXPECT_EQ(packet.size(), by_hand.size());
    EXPECT_EQ(to_hex(Bytes(packet).first(10)), to_hex(Bytes(by_hand).first(10)));
    EXPECT_EQ(to_hex(Bytes(packet).subspan(12, 14)), to_hex(Bytes(by_hand).subspan(12, 14)));
}

TEST(UdpFrame, WhatIsBuiltIsReadBack) {
    const auto packet = build_udp_frame(hello());
    const auto frame = parse_udp_frame(packet);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->from, hello().from);
    EXPECT_EQ(frame->to, hello().to);
    EXPECT_EQ(frame->from_port, 67);
    EXPECT_EQ(frame->to_port, 68);
    EXPECT_EQ(to_hex(frame->payload), to_hex(hello().payload));
}

TEST(UdpFrame, PaddingOfShortFramesIsNoPayload) {
    auto packet = build_udp_frame(hello());
    packet.resize(60);
    EXPECT_EQ(parse_udp_frame(packet)->payload.size(), 5U);
}

TEST(UdpFrame, FragmentsOtherProtocolsAndBrokenLengthsAreLeftOut) {
    const auto good = build_udp_frame(hello());
    const auto with = [&](std::size_t at, std::uint8_t value) {
        auto packet = good;
        packet[at] = value;
        return parse_udp_frame(packet).has_value();
    };
    EXPECT_TRUE(with(8, 1));
    EXPECT_FALSE(with(0, 0x65)); // version 6
    EXPECT_FALSE(with(0, 0x44)); // header too short
    EXPECT_FALSE(with(0, 0x4f)); // header beyond the end
    EXPECT_FALSE(with(3, 200));  // longer than what came
    EXPECT_FALSE(with(6, 0x20)); // more fragments
    EXPECT_FALSE(with(7, 1));    // not the first
    EXPECT_FALSE(with(9, 6));    // TCP
    EXPECT_FALSE(with(25, 200)); // UDP length beyond the end
    EXPECT_FALSE(with(25, 7));   // UDP length below its header
    std::mt19937 random(768);
    for (int i = 0; i < 5000; ++i) {
        auto packet = good;
        packet[random() % packet.size()] = static_cast<std::uint8_t>(random());
        packet.resize(random() % (packet.size() + 1));
        parse_udp_frame(packet);
    }
}

} // namespace
} // namespace bootview::dhcp
