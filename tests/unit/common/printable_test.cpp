#include "common/printable.h"

#include <gtest/gtest.h>

namespace bootview {
namespace {

TEST(Printable, ANameCannotSteerTheTerminalOrForgeALine) {
    EXPECT_EQ(printable("a\x1b[2Jb\nc\td\x7f"), "a\\x1b[2Jb\\x0ac\\x09d\\x7f");
    EXPECT_EQ(printable("\xc2\x9b"
                        "2J"),
              "\\xc2\\x9b2J")
        << "CSI of C1";
    EXPECT_EQ(printable("\x9b"), "\\x9b") << "as one byte";
    EXPECT_EQ(printable("\xe2\x80\xa8"), "\\xe2\\x80\\xa8") << "line separator";
    EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(Printable, ANameCannotLookLikeAnother) {
    EXPECT_EQ(printable("\xe2\x80\xaegpj.exe"), "\\xe2\\x80\\xaegpj.exe") << "RLO";
    EXPECT_EQ(printable("\xe2\x81\xa6"), "\\xe2\\x81\\xa6") << "LRI";
    EXPECT_EQ(printable("a\xe2\x80\x8b"), "a\\xe2\\x80\\x8b") << "zero width space";
    EXPECT_EQ(printable("\xf3\xa0\x81\xa1"), "\\xf3\\xa0\\x81\\xa1") << "tag";
}

TEST(Printable, WhatIsNoUtf8IsWrittenInNumbers) {
    for (const auto* bad : {"\xff", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                            "\xf4\x90\x80\x80", "\xf0\x9f\x98"})
        EXPECT_EQ(printable(bad).substr(0, 2), "\\x");
    EXPECT_EQ(printable("\xc3(x"), "\\xc3(x") << "what follows is shown";
}

TEST(Printable, NamesOfPeopleStay) {
    for (const auto* good : {"", "raspios.img", "Grüße", "日本語", "😀", "\"quoted\\\""})
        EXPECT_EQ(printable(good), good);
}

TEST(Printable, OurOwnLinesAndColumnsStay) {
    EXPECT_EQ(printable_lines("one\ntwo\x1b\n"), "one\ntwo\\x1b\n");
    EXPECT_EQ(printable_in_column("a\x1b\xc2\x9b\xe2\x80\xae\n"), "a????");
}

} // namespace
} // namespace bootview
