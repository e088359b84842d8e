#include "tests/unit/fat/slots.h"

#include <gtest/gtest.h>

using namespace bootview::fat;
using namespace bootview::test;

namespace {

TEST(Directory, EndsAtTheFirstZero) {
    EXPECT_EQ(names(Slots{}.entry("A          ").end().entry("B          ").parse()), Names{"A"});
}

TEST(Directory, DeletedEntriesAndLabelsAreNotShown) {
    const Directory d = Slots{}
                            .entry("BOOTFS     ", attribute_volume_label)
                            .entry("\xe5"
                                   "ONE       ")
                            .entry("KERNEL8 IMG")
                            .parse();
    EXPECT_EQ(names(d), Names{"KERNEL8.IMG"});
    EXPECT_EQ(d.label, "BOOTFS");
}

TEST(Directory, DotsAreRecognisedOnlyInTheirPlaces) {
    const auto dir = attribute_directory;
    EXPECT_TRUE(
        Slots{}.entry(".          ", dir).entry("..         ", dir).parse().begins_with_dots);
    EXPECT_FALSE(
        Slots{}.entry("..         ", dir).entry(".          ", dir).parse().begins_with_dots);
    EXPECT_FALSE(Slots{}.entry("A          ").parse().begins_with_dots);
    EXPECT_FALSE(Slots{}.entry(".          ").entry("..         ").parse().begins_with_dots)
        << "files";
    EXPECT_TRUE(
        Slots{}.entry(".          ", dir).entry("..         ", dir).parse().entries.empty());
}

TEST(Directory, FirstClusterHasItsHighHalfOnlyOnFat32) {
    Slots slots;
    slots.entry("A          ", attribute_archive, 0x12345);
    EXPECT_EQ(slots.parse(Type::fat32).entries[0].first_cluster, 0x12345U);
    EXPECT_EQ(slots.parse(Type::fat16).entries[0].first_cluster, 0x2345U);
}

TEST(Directory, EndsAfterAsManyEntriesAsOneMayHave) {
    Slots slots;
    slots.fill(65'536, "A          ").entry("BEYOND     ");
    const Directory d = slots.parse();
    EXPECT_EQ(d.entries.size(), 65'536U);
    EXPECT_EQ(d.entries.back().name, "A");
}

TEST(Directory, ALabelIsOneAnywhereAndNeverAFile) {
    const auto label_and_directory =
        static_cast<std::uint8_t>(attribute_volume_label | attribute_directory);
    const Directory d = Slots{}
                            .entry("A          ")
                            .entry("STRANGE    ", label_and_directory)
                            .entry("LABEL \x9a    ", attribute_volume_label)
                            .entry("SECOND     ", attribute_volume_label)
                            .entry("B          ")
                            .parse();
    EXPECT_EQ(names(d), (Names{"A", "B"}));
    EXPECT_EQ(d.label, "LABEL \u00dc");
}

TEST(Directory, AnEntryThatBeginsWithE5IsDeletedAndOneWith05BeginsWithE5) {
    const Directory d = Slots{}.entry("\xe5XX     TXT").entry("\x05YY     TXT").parse(Type::fat16);
    EXPECT_EQ(names(d), Names{"\u03c3YY.TXT"});
}

TEST(Directory, DirectoriesAreCountedTheDotsAmongThem) {
    const auto dir = attribute_directory;
    EXPECT_EQ(Slots{}
                  .entry("A          ", dir)
                  .entry("F          ")
                  .entry("..         ", dir)
                  .parse()
                  .directories,
              2U);
}

TEST(Directory, TwoOfOneNameAreBothThere) {
    EXPECT_EQ(names(Slots{}.entry("SAME       ").entry("SAME       ").parse()),
              (Names{"SAME", "SAME"}));
}

TEST(Directory, AWholePageOfNonsenseHidesNothingBehindIt) {
    Slots slots;
    for (int i = 0; i < 64; ++i)
        slots.part(u"never finished", 2, true, static_cast<std::uint8_t>(i));
    EXPECT_EQ(names(slots.entry("BEHIND  TXT").parse()), Names{"BEHIND.TXT"});
}

TEST(Directory, ShortNamesAreOfTheCodePageOfTheMount) {
    Slots slots;
    slots.entry("\x8f\x90\x88     TXT");
    EXPECT_EQ(names(slots.parse(Type::fat16, CodePage::load("866"))),
              Names{"\u041f\u0420\u0418.TXT"});
    EXPECT_EQ(names(slots.parse(Type::fat16, CodePage::load("850"))),
              Names{"\u00c5\u00c9\u00ea.TXT"});
}

TEST(Directory, NothingChangedButTheDateOfReadingIsTheSameVersion) {
    const Entry a = Slots{}.entry("A          ").parse().entries[0];
    EXPECT_TRUE(a.is_same_version(Slots{}.entry("A          ").byte(18, 9).parse().entries[0]));
    for (const std::size_t at : {11, 22, 24, 26, 28})
        EXPECT_FALSE(a.is_same_version(Slots{}.entry("A          ").byte(at, 7).parse().entries[0]))
            << at;
}

TEST(Directory, AnyBytesGiveAnAnswer) {
    std::uint32_t x = 7;
    std::vector<std::byte> bytes(4096);
    for (int round = 0; round < 3000; ++round) {
        for (std::byte& b : bytes) {
            x = x * 1664525 + 1013904223;
            b = static_cast<std::byte>(x >> 24);
        }
        for (std::size_t i = 11; i < bytes.size(); i += 32)
            if (std::to_integer<unsigned>(bytes[i]) % 2 == 0)
                bytes[i] = std::byte{attribute_long_name};
        for (const Entry& entry : parse_directory(bytes, Type::fat32).entries)
            ASSERT_TRUE(is_presentable(entry.name));
    }
}

} // namespace
