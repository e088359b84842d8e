#include "tftp-bridge/tftp/netascii.h"

#include "bytes.h"

#include <gtest/gtest.h>

#include <random>

namespace bootview::tftp {
namespace {

std::vector<std::byte> encode(Bytes text) {
    std::vector<std::byte> result(netascii_size(text));
    netascii_encode(text, result);
    return result;
}

TEST(Netascii, LineFeedsAndCarriageReturnsAreDoubled) {
    EXPECT_EQ(encode(bytes("plain")), bytes("plain"));
    EXPECT_EQ(encode(bytes("a\nb\n")), bytes("a\r\nb\r\n"));
    EXPECT_EQ(encode(bytes("a\rb")), bytes("a\r\0b"));
    EXPECT_EQ(encode(bytes("\r\n")), bytes("\r\0\r\n"));
    EXPECT_EQ(encode(bytes("")), bytes(""));
}

TEST(Netascii, APartAloneIsEncodedAsInTheWhole) {
    std::mt19937 random(764);
    std::vector<std::byte> text(1000);
    for (auto& b : text)
        b = static_cast<std::byte>("ab\r\n"[random() % 4]);
    const auto whole = encode(text);
    for (std::size_t at = 0; at <= text.size(); ++at) {
        auto parts = encode(Bytes(text).first(at));
        const auto second = encode(Bytes(text).subspan(at));
        parts.insert(parts.end(), second.begin(), second.end());
        ASSERT_EQ(parts, whole) << at;
    }
}

} // namespace
} // namespace bootview::tftp
