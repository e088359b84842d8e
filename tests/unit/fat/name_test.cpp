#include "fuse-fatimg/fat/name.h"

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

using namespace bootview::fat;

namespace {

ShortName raw(const char* text) {
    ShortName name;
    std::memcpy(name.data(), text, name.size());
    return name;
}

TEST(Name, TheCaseBitsOfWindowsNtAreHonoured) {
    EXPECT_EQ(decode_short(raw("CONFIG  TXT"), 0), "CONFIG.TXT");
    EXPECT_EQ(decode_short(raw("CONFIG  TXT"), 0x18), "config.txt");
    EXPECT_EQ(decode_short(raw("CONFIG  TXT"), 0x08), "config.TXT");
    EXPECT_EQ(decode_short(raw("CONFIG  TXT"), 0x10), "CONFIG.txt");
    EXPECT_EQ(decode_short(raw("KERNEL8    "), 0x08), "kernel8");
}

TEST(Name, CodePage437AndTheStandInForE5) {
    EXPECT_EQ(decode_short(raw("\x81"
                               "BER    TXT"),
                           0),
              "üBER.TXT");
    EXPECT_EQ(decode_short(raw("\x05"
                               "       TXT"),
                           0),
              "σ.TXT"); // 0xe5
}

TEST(Name, SpacesInsideStay) {
    EXPECT_EQ(decode_short(raw("A B     C D"), 0), "A B.C D");
}

TEST(Name, AFieldEndsAtItsFirstNul) {
    EXPECT_EQ(decode_short(raw("AB\0CD   T\0T"), 0), "AB.T");
}

TEST(Name, ABlankBaseLeavesTheExtension) {
    EXPECT_EQ(decode_short(raw("        TXT"), 0), ".TXT");
    EXPECT_EQ(decode_short(raw("           "), 0), "");
}

TEST(Name, ASlashInAShortNameIsNotGivenToTheKernel) {
    EXPECT_EQ(decode_short(raw("A/B     T/T"), 0), "A?B.T?T");
}

TEST(Name, CaseBitsConcernTheLettersOfTheCodePage) {
    EXPECT_EQ(decode_short(raw("\x8e\x99\x9a     TXT"), 0x08), "\u00e4\u00f6\u00fc.TXT");
}

TEST(Name, ALabelHasNoDotAndKeepsItsInnerSpaces) {
    EXPECT_EQ(decode_label(raw("MY BOOT FS ")), "MY BOOT FS");
    EXPECT_EQ(decode_label(raw("\x05LL        ")), "\u03c3LL");
}

TEST(Name, Utf16BecomesUtf8) {
    const std::vector<std::uint16_t> text{'a', 0xfc, 0x20ac, 0xd83d, 0xde00};
    EXPECT_EQ(decode_utf16(text), "aü€😀");
}

TEST(Name, BrokenUtf16StaysTellableApart) {
    const std::vector<std::uint16_t> one{0xd800, 'x'};
    const std::vector<std::uint16_t> other{0xd801, 'x'};
    EXPECT_NE(decode_utf16(one), decode_utf16(other));
    EXPECT_TRUE(is_presentable(decode_utf16(one)));
}

TEST(Name, ChecksumAsTheSpecificationComputesIt) {
    // From the listing in Microsoft's specification 1.03 §7.2, computed by hand for this name.
    unsigned sum = 0;
    for (const unsigned char c : std::string{"KERNEL8 IMG"})
        sum = ((sum & 1 ? 0x80U : 0U) + (sum >> 1) + c) & 0xff;
    EXPECT_EQ(checksum(raw("KERNEL8 IMG")), sum);
}

TEST(Name, NoKernelIsGivenANameItCannotHave) {
    EXPECT_FALSE(is_presentable(""));
    EXPECT_FALSE(is_presentable("."));
    EXPECT_FALSE(is_presentable(".."));
    EXPECT_FALSE(is_presentable("a/b"));
    EXPECT_FALSE(is_presentable(std::string{"a\0b", 3}));
    EXPECT_TRUE(is_presentable("..."));
}

TEST(Name, FoldingIsWhatLinuxDoes) {
    EXPECT_EQ(fold("Kernel8.IMG"), fold("KERNEL8.img"));
    EXPECT_EQ(fold("name..."), fold("NAME"));
    EXPECT_NE(fold("Ü"), fold("ü")) << "ASCII only, as with utf8=1";
}

} // namespace
