#include "common/board_name.h"

#include <gtest/gtest.h>

namespace bootview {
namespace {

TEST(BoardName, ASerialNumberIsTheSameHoweverItIsWritten) {
    const auto asked = BoardName::from_text("cafef00d");
    ASSERT_TRUE(asked);
    for (const auto* text : {"CAFEF00D", "10000000cafef00d", "00000000CAFEF00D", "0xcafef00d",
                             "0X10000000CAFEF00D", "c1d2e3f4cafef00d"})
        EXPECT_EQ(BoardName::from_text(text), asked) << text;
    EXPECT_NE(BoardName::from_text("cafef00e"), asked);
    EXPECT_EQ(BoardName::from_text("0x1a2b3c4"), BoardName::from_text("01a2b3c4"));
}

TEST(BoardName, ShortNumbersAreOnesOnlyWhereNothingElseCanBeMeant) {
    // PXELINUX asks for "0A000001", then "0A00000", and so on: those are parts of an address.
    EXPECT_FALSE(BoardName::from_text("A000001"));
    EXPECT_EQ(BoardName::from_short_text("A000001"), BoardName::from_text("0a000001"));
    EXPECT_EQ(BoardName::from_short_text("cafef00d"), BoardName::from_text("CAFEF00D"));
}

TEST(BoardName, AMacIsTheSameHoweverItIsWritten) {
    const auto asked = BoardName::from_text("dc-a6-32-01-36-c2");
    ASSERT_TRUE(asked);
    for (const auto* text : {"DC:A6:32:01:36:C2", "dca6.3201.36c2", "DCA6320136C2",
                             "dc:a6:32:1:36:c2", "01-dc-a6-32-01-36-c2", "01:DC:A6:32:01:36:C2"})
        EXPECT_EQ(BoardName::from_text(text), asked) << text;
    EXPECT_EQ(BoardName::from_short_text("dca6320136c2"), asked);
}

TEST(BoardName, AUuidIsTheSameInDmidecodesOrderAndInThatOfTheWire) {
    const auto asked = BoardName::from_text("00112233-4455-6677-8899-aabbccddeeff");
    ASSERT_TRUE(asked);
    for (const auto* text :
         {"33221100-5544-7766-8899-AABBCCDDEEFF", "00112233445566778899aabbccddeeff",
          "{00112233-4455-6677-8899-AABBCCDDEEFF}"})
        EXPECT_EQ(BoardName::from_text(text), asked) << text;
    EXPECT_NE(BoardName::from_text("00112233-4455-7766-8899-aabbccddeeff"), asked);
}

TEST(BoardName, WhatIsNoNameOfAMachineIsNone) {
    for (const auto* text : {"",
                             "0x",
                             "0xg",
                             "cafef00g",
                             "overlays",
                             "start4.elf",
                             "pxelinux.0",
                             "kernel8.img",
                             "dc-a6-32-01-36",
                             "dc-a6:32-01-36-c2",
                             "dc-a6-32-01-36-c2-",
                             "-dc-a6-32-01-36-c2",
                             "dca6.3201.36c",
                             "a.b.c",
                             "10000000cafef00d0",
                             "0x10000000cafef00d0",
                             "EFI",
                             "-1234567",
                             "0123456789abcdeg",
                             "0xzzzzzzzzzzzz",
                             "00112233-4455-6677-8899-aabbccddeef",
                             "00112233445566778899aabbccddeeff00",
                             "0011223344556677-8899-aabbccddeeff-1",
                             "{}"}) {
        EXPECT_FALSE(BoardName::from_text(text)) << text;
        EXPECT_FALSE(BoardName::from_short_text(text)) << text;
    }
}

} // namespace
} // namespace bootview
