#include "tftp-bridge/dhcp/packet.h"

#include "messages.h"

#include <gtest/gtest.h>

#include <random>

namespace bootview::dhcp {
namespace {

std::vector<std::uint8_t> packet_with(std::string_view options) {
    auto packet = write_message(Message{});
    packet.resize(240);
    for (const auto byte : from_hex(options))
        packet.push_back(byte);
    return packet;
}

std::string value(const Message& message, Code code) {
    const auto found = message.find(code);
    return found ? to_hex(*found) : "none";
}

TEST(DhcpPacket, WhatIsWrittenIsReadBack) {
    Message message;
    message.operation = Operation::reply;
    message.hops = 1;
    message.transaction = 0x12345678;
    message.seconds = 4;
    message.flags = broadcast_flag;
    message.client = Ipv4{0x0a4d0001};
    message.your = Ipv4{0x0a4d0002};
    message.server = Ipv4{0x0a4d0003};
    message.relay = Ipv4{0x0a4d0004};
    message.hardware = {1, 2, 3, 4, 5, 6, 0, 0, 9};
    message.server_name = "10.77.0.2";
    message.file = "EFI/BOOT/BOOTX64.EFI";
    message.options = {{Code::message_type, {2}},
                       {Code::vendor_specific, std::vector<std::uint8_t>(300, 0x61)},
                       {Code::relay_agent, {}}};
    EXPECT_EQ(parse_message(write_message(message)), message);
}

TEST(DhcpPacket, TheHeaderLiesWhereTheStandardHasIt) {
    Message message;
    message.operation = Operation::reply;
    message.transaction = 0x12345678;
    message.server = Ipv4{0x0a4d0002};
    message.server_name = "s";
    message.file = "f";
    const auto packet = write_message(message);
    EXPECT_EQ(to_hex(Bytes(packet).first(12)), "020106001234567800000000");
    EXPECT_EQ(to_hex(Bytes(packet).subspan(20, 4)), "0a4d0002");
    EXPECT_EQ(packet[44], 's');
    EXPECT_EQ(packet[108], 'f');
    EXPECT_EQ(to_hex(Bytes(packet).subspan(236, 5)), "63825363ff");
    EXPECT_EQ(packet.size(), 300U); // old boot ROMs drop shorter ones
}

TEST(DhcpPacket, NamesThatAreTooLongLeaveRoomForTheirEnd) {
    Message message;
    message.server_name = std::string(200, 's');
    message.file = std::string(200, 'f');
    const auto packet = write_message(message);
    EXPECT_EQ(packet[44 + 63], 0);
    EXPECT_EQ(packet[108 + 127], 0);
    EXPECT_EQ(parse_message(packet)->file, std::string(127, 'f'));
}

TEST(DhcpPacket, WhatIsNoMessageOfAnEthernetMachineIsNone) {
    const auto good = packet_with("350101ff");
    ASSERT_TRUE(parse_message(good));
    EXPECT_FALSE(parse_message(Bytes(good).first(239)));
    EXPECT_FALSE(parse_message({}));
    EXPECT_FALSE(parse_message(std::vector<std::uint8_t>(5000, 1)));
    for (const std::size_t at : {0, 1, 2, 236, 239}) {
        auto bad = good;
        bad[at] = 0x77;
        EXPECT_FALSE(parse_message(bad)) << at;
    }
}

TEST(DhcpPacket, AMissingEndAndPadsKeepNobodyFromBooting) {
    EXPECT_EQ(parse_message(packet_with("00 00 350101 00 3c0150"))->type(), MessageType::discover);
    EXPECT_EQ(value(*parse_message(packet_with("00 350101 00 3c0150")), Code::vendor_class), "50");
    EXPECT_EQ(value(*parse_message(packet_with("350101 ff 3c0150")), Code::vendor_class), "none");
}

TEST(DhcpPacket, WhatCameBeforeABrokenOptionCounts) {
    for (const auto* options : {"350101 3c", "350101 3c05 50", "350101 3cff"}) {
        const auto message = parse_message(packet_with(options));
        ASSERT_TRUE(message) << options;
        EXPECT_EQ(message->type(), MessageType::discover);
        EXPECT_EQ(value(*message, Code::vendor_class), "none");
    }
}

TEST(DhcpPacket, AnOptionInPiecesIsOneValue) {
    const auto message = parse_message(packet_with("3c0250 58 350101 3c0145 ff"));
    EXPECT_EQ(value(*message, Code::vendor_class), "505845");
    EXPECT_EQ(message->options.size(), 2U);
}

TEST(DhcpPacket, OptionsInTheFieldsOfNamesAreFoundInTheStandardsOrder) {
    auto packet = packet_with("340103 350101 3c0150 ff");
    const auto file = from_hex("3c0158 ff");
    const auto server_name = from_hex("3c0145 ff");
    std::copy(file.begin(), file.end(), packet.begin() + 108);
    std::copy(server_name.begin(), server_name.end(), packet.begin() + 44);
    const auto message = parse_message(packet);
    EXPECT_EQ(value(*message, Code::vendor_class), "505845");
    EXPECT_EQ(message->file, "");
    EXPECT_EQ(message->server_name, "");

    packet[242] = 1; // "file" alone
    EXPECT_EQ(value(*parse_message(packet), Code::vendor_class), "5058");
    EXPECT_EQ(parse_message(packet)->server_name, "\x3c\1\x45\xff");
}

TEST(DhcpPacket, AMessageWithoutATypeIsBootpOnly) {
    EXPECT_EQ(parse_message(packet_with("ff"))->type(), MessageType::none);
    EXPECT_EQ(parse_message(packet_with("3500ff"))->type(), MessageType::none);
    EXPECT_EQ(parse_message(packet_with("350109ff"))->type(), MessageType::none);
    EXPECT_EQ(parse_message(packet_with("350108ff"))->type(), MessageType::inform);
}

// Whatever comes in: no crash (the sanitizers watch), bounded, and what was read can be written.
TEST(DhcpPacket, NoBytesFromTheNetworkDoHarm) {
    std::mt19937 random(2131);
    const auto seed = packet_with("340103 350101 3c0950584543 6c69656e74 2b0647040000 0000 61020001"
                                  "5202 0102 ff");
    for (int round = 0; round < 20000; ++round) {
        auto packet = seed;
        packet.resize(random() % 8 == 0 ? random() % 600 : seed.size());
        for (unsigned i = random() % 6; i > 0 && !packet.empty(); --i)
            packet[random() % 4 == 0 || packet.size() <= 240
                       ? random() % packet.size()
                       : 240 + random() % (packet.size() - 240)] =
                static_cast<std::uint8_t>(random());
        const auto message = parse_message(packet);
        if (!message)
            continue;
        std::size_t stored = 0;
        for (const auto& option : message->options)
            stored += option.value.size();
        EXPECT_LE(stored, packet.size());
        EXPECT_EQ(parse_message(write_message(*message))->mac(), message->mac());
    }
}

TEST(DhcpAddress, Ipv4IsFourNumbers) {
    EXPECT_EQ(Ipv4::from_text("10.77.0.2"), Ipv4{0x0a4d0002});
    EXPECT_EQ(Ipv4{0xffffff01}.to_string(), "255.255.255.1");
    for (const auto* text :
         {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.", ".1.2.3", "1.2.3.4 ", "-1.2.3.4", "a"})
        EXPECT_FALSE(Ipv4::from_text(text)) << text;
}

TEST(DhcpAddress, MacsAreTakenAsPeopleWriteThem) {
    const Mac mac{{0xdc, 0xa6, 0x32, 1, 0x36, 0xc2}};
    for (const auto* text : {"dc:a6:32:01:36:c2", "DC-A6-32-01-36-C2", "dca6320136c2"})
        EXPECT_EQ(Mac::from_text(text), mac) << text;
    EXPECT_EQ(mac.to_string(), "dc:a6:32:01:36:c2");
    EXPECT_EQ(mac.to_string('-'), "dc-a6-32-01-36-c2");
    for (const auto* text : {"", "dc:a6:32:01:36", "dc:a6:32:01:36:cg", "dc:a6-32:01:36:c2",
                             "dc.a6.32.01.36.c2", "dca6320136c"})
        EXPECT_FALSE(Mac::from_text(text)) << text;
}

} // namespace
} // namespace bootview::dhcp
