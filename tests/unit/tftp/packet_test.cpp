#include "tftp-bridge/tftp/packet.h"

#include "bytes.h"

#include <gtest/gtest.h>

#include <random>

namespace bootview::tftp {
namespace {

TEST(Packet, APlainReadRequestIsUnderstood) {
    const auto packet = bytes("\0\1kernel8.img\0octet\0");
    const auto request = parse_request(packet);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->opcode, Opcode::rrq);
    EXPECT_EQ(request->name, "kernel8.img");
    EXPECT_EQ(request->mode, "octet");
    EXPECT_EQ(request->options.size(), 0U);
}

TEST(Packet, OptionsComeInTheOrderAndSpellingOfTheRequest) {
    const auto packet = bytes("\0\1f\0octet\0tsize\0"
                              "0\0BlkSize\0"
                              "1468\0");
    const auto request = parse_request(packet);
    ASSERT_TRUE(request);
    ASSERT_EQ(request->options.size(), 2U);
    EXPECT_EQ(request->options.begin()[0], (Option{"tsize", "0"}));
    EXPECT_EQ(request->options.begin()[1], (Option{"BlkSize", "1468"}));
}

TEST(Packet, UnterminatedNamesAndModesAreNoRequest) {
    EXPECT_FALSE(parse_request(bytes("\0\1")));
    EXPECT_FALSE(parse_request(bytes("\0\1file")));
    EXPECT_FALSE(parse_request(bytes("\0\1file\0")));
    EXPECT_FALSE(parse_request(bytes("\0\1file\0octet")));
}

TEST(Packet, GarbageBehindTheLastOptionDoesNotKeepAClientFromBooting) {
    for (const auto& packet : {bytes("\0\1f\0octet\0tsize\0"
                                     "0\0junk"),
                               bytes("\0\1f\0octet\0tsize\0"
                                     "0\0junk\0"),
                               bytes("\0\1f\0octet\0tsize\0"
                                     "0\0junk\0more")}) {
        const auto request = parse_request(packet);
        ASSERT_TRUE(request);
        EXPECT_EQ(request->options.size(), 1U);
    }
}

TEST(Packet, AHostileNumberOfOptionsIsBounded) {
    auto packet = bytes("\0\1f\0octet\0");
    for (int i = 0; i < 400; ++i)
        for (const auto b : bytes("a\0"
                                  "1\0"))
            packet.push_back(b);
    const auto request = parse_request(packet);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->options.size(), OptionList::capacity);
}

TEST(Packet, OtherOpcodesAreNoRequest) {
    EXPECT_FALSE(parse_request(bytes("\0\3f\0octet\0")));
    EXPECT_FALSE(parse_request(bytes("\1\1f\0octet\0")));
}

TEST(Packet, AcknowledgementsWithMoreThanFourBytesCount) {
    EXPECT_EQ(parse_ack(bytes("\0\4\1\2")), 0x102);
    EXPECT_EQ(parse_ack(bytes("\0\4\1\2\7")), 0x102);
    EXPECT_FALSE(parse_ack(bytes("\0\4\1")));
    EXPECT_FALSE(parse_ack(bytes("\0\3\1\2")));
}

TEST(Packet, ErrorsAreReadWithAndWithoutTheirEnd) {
    const auto whole = bytes("\0\5\0\10User aborted\0x");
    ASSERT_TRUE(parse_error(whole));
    EXPECT_EQ(parse_error(whole)->code, 8);
    EXPECT_EQ(parse_error(whole)->text, "User aborted");
    const auto cut = bytes("\0\5\0\0User");
    EXPECT_EQ(parse_error(cut)->text, "User");
    const auto bare = bytes("\0\5\0\1");
    EXPECT_EQ(parse_error(bare)->text, "");
    EXPECT_FALSE(parse_error(bytes("\0\5\0")));
}

TEST(Packet, NothingReadsPastTheEndOfAnyDatagram) {
    // Each datagram lies at the end of an allocation of its own; AddressSanitizer watches.
    std::mt19937 random(1350);
    for (int i = 0; i < 50'000; ++i) {
        std::vector<std::byte> packet(random() % 40);
        packet.shrink_to_fit();
        for (auto& b : packet)
            b = static_cast<std::byte>(random() % 3 == 0 ? 0 : random());
        if (packet.size() >= 2 && random() % 2) {
            packet[0] = std::byte{0};
            packet[1] = static_cast<std::byte>(random() % 8);
        }
        parse_opcode(packet);
        parse_ack(packet);
        parse_error(packet);
        if (const auto request = parse_request(packet)) {
            EXPECT_LE(request->name.size() + request->mode.size() + 4, packet.size());
        }
    }
}

TEST(Packet, HeadersAndAnswersHaveTheBytesOfTheRfc) {
    std::array<std::byte, 4> header;
    write_data_header(header, 0xabcd);
    const auto expected = bytes("\0\3\xab\xcd");
    EXPECT_TRUE(std::equal(header.begin(), header.end(), expected.begin()));
    const Option options[] = {{"tsize", "12"}, {"blksize", "8"}};
    EXPECT_EQ(build_oack(options), bytes("\0\6tsize\0"
                                         "12\0blksize\0"
                                         "8\0"));
    EXPECT_EQ(build_error({ErrorCode::not_found, "no"}), bytes("\0\5\0\1no\0"));
}

TEST(Packet, ErrorTextsFitWhatFirmwareCanTake) {
    const std::string text(200, 'x');
    EXPECT_EQ(build_error({ErrorCode::undefined, text}).size(), 4 + 63 + 1U);
}

} // namespace
} // namespace bootview::tftp
