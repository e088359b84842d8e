#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/fat/code_page.h"

#include <string_view>
#include <vector>

#include <gtest/gtest.h>

using namespace bootview::fat;

namespace {

std::string decode(const CodePage& page, std::vector<std::uint8_t> bytes, bool lower = false) {
    std::string out;
    page.decode(bytes, lower, out);
    return out;
}

TEST(CodePage, TheBuiltInTableIsTheCLibrarys) {
    // 437 under another name, so that it is read from the C library; it calls it IBM437.
    const CodePage& built_in = CodePage::cp437();
    const CodePage page = CodePage::load("850");
    EXPECT_EQ(decode(built_in, {0x80, 0x9c, 0xe1, 0xfd}), "\u00c7\u00a3\u00df\u00b2");
    EXPECT_EQ(decode(page, {0x80, 0x9c, 0xe1, 0xfd}), "\u00c7\u00a3\u00df\u00b2");
    EXPECT_EQ(decode(built_in, {0x9d}), "\u00a5");
    EXPECT_EQ(decode(page, {0x9d}), "\u00d8") << "where they differ";
}

TEST(CodePage, EveryPageTheWorldUsed) {
    const struct {
        const char* name;
        std::vector<std::uint8_t> bytes;
        const char* text;
    } cases[]{
        {"437", {0x81, 0x84}, "\u00fc\u00e4"},
        {"cp437", {0x81, 0x84}, "\u00fc\u00e4"},
        {"850", {0xd5}, "\u0131"},
        {"852", {0x9f, 0xa9}, "\u010d\u0119"},
        {"866", {0x8f, 0xe0}, "\u041f\u0440"},
        {"932", {0x93, 0xfa, 0x96, 0x7b, 0xb1}, "\u65e5\u672c\uff71"},
        {"936", {0xd6, 0xd0}, "\u4e2d"},
        {"949", {0xc7, 0xd1}, "\ud55c"},
        {"950", {0xa4, 0xa4}, "\u4e2d"},
        {"1250", {0x9a}, "\u0161"},
        {"1251", {0xcf}, "\u041f"},
        {"1252", {0x80, 0xe9}, "\u20ac\u00e9"},
    };
    for (const auto& c : cases)
        EXPECT_EQ(decode(CodePage::load(c.name), c.bytes), c.text) << c.name;
}

TEST(CodePage, WhatItDoesNotHaveIsAQuestionMark) {
    const CodePage page = CodePage::load("932");
    EXPECT_EQ(decode(page, {'A', 0x93}), "A?") << "the second byte is missing";
    EXPECT_EQ(decode(page, {0x93, ' ', 'B'}), "? B") << "an impossible second byte";
    EXPECT_EQ(decode(CodePage::load("1252"), {0x81}), "?");
}

TEST(CodePage, SmallLettersAreThoseThatThePageHas) {
    EXPECT_EQ(decode(CodePage::cp437(), {'A', 0x80, 0x8e, 0xe2}, true), "a\u00e7\u00e4\u0393")
        << "437 has no small gamma";
    EXPECT_EQ(decode(CodePage::load("866"), {0x8f}, true), "\u043f");
    EXPECT_EQ(decode(CodePage::load("932"), {'A', 0x93, 0xfa}, true), "a\u65e5");
    // Both of a double byte's halves may look like letters.
    EXPECT_EQ(decode(CodePage::load("932"), {0x83, 'A'}, true), "\u30a2");
}

TEST(CodePage, AsciiStaysItself) {
    for (const char* name : {"437", "932", "949", "1252"})
        EXPECT_EQ(decode(CodePage::load(name), {'\\', '~', '{', '^'}), "\\~{^") << name;
}

TEST(CodePage, UnknownOnesAreRefusedWithWhatToDo) {
    for (const char* name : {"", "cp", "utf8", "43x", "123456", "31337"})
        EXPECT_THROW(CodePage::load(name), Refused) << name;
    try {
        CodePage::load("31337");
    } catch (const Refused& e) {
        EXPECT_NE(std::string_view{e.what()}.find("iconv -l"), std::string_view::npos);
    }
}

} // namespace
