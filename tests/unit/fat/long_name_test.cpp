#include "tests/unit/fat/slots.h"

#include <gtest/gtest.h>

using namespace bootview::fat;
using namespace bootview::test;

namespace {

std::uint8_t sum_of(const char* short_name) {
    ShortName raw;
    std::memcpy(raw.data(), short_name, raw.size());
    return checksum(raw);
}

constexpr const char* alias = "SHORT   TXT";

TEST(LongName, LiesInManySlots) {
    const std::u16string name = u"vc4-kms-dsi-waveshare-panel-with-a-long-name.dtbo";
    const Directory d = Slots{}.long_name(name, "VC4-KM~1DTB").entry("VC4-KM~1DTB").parse();
    ASSERT_EQ(d.entries.size(), 1U);
    EXPECT_EQ(d.entries[0].name, "vc4-kms-dsi-waveshare-panel-with-a-long-name.dtbo");
    EXPECT_EQ(d.entries[0].short_name, "VC4-KM~1.DTB");
    EXPECT_EQ(d.entries[0].slot, 4U);
}

TEST(LongName, OfExactlyThirteenUnitsHasNoTerminator) {
    EXPECT_EQ(
        names(Slots{}.long_name(u"thirteen-long", "THIRTE~1   ").entry("THIRTE~1   ").parse()),
        Names{"thirteen-long"});
}

TEST(LongName, AnOrphanLeavesTheShortOne) {
    const std::uint8_t wrong = 0x11;
    EXPECT_EQ(names(Slots{}.part(u"wrong.sum", 1, true, wrong).entry("SHORT   TXT").parse()),
              Names{"SHORT.TXT"});
    // Its first part is missing.
    EXPECT_EQ(
        names(Slots{}.part(u"a name of two slots", 2, true, wrong).entry("SHORT   TXT").parse()),
        Names{"SHORT.TXT"});
    // A deleted entry stands between.
    EXPECT_EQ(names(Slots{}
                        .long_name(u"between", "SHORT   TXT")
                        .entry("\xe5OTHER  TXT")
                        .entry("SHORT   TXT")
                        .parse()),
              Names{"SHORT.TXT"});
}

TEST(LongName, OfTwoHundredAndFiftyFiveUnits) {
    std::u16string name(255, u'\u20ac');
    const Directory d = Slots{}.long_name(name, alias).entry(alias).parse();
    ASSERT_EQ(d.entries.size(), 1U);
    EXPECT_EQ(d.entries[0].name.size(), 255U * 3);
    EXPECT_EQ(d.entries[0].slot, 20U);
}

TEST(LongName, OfMoreThanTwentySlotsIsNone) {
    EXPECT_EQ(names(Slots{}.long_name(std::u16string(261, u'x'), alias).entry(alias).parse()),
              Names{"SHORT.TXT"});
}

TEST(LongName, OrdersMustCountDownToOne) {
    const std::u16string name = u"a name of three slots, so long it is";
    const std::uint8_t sum = sum_of(alias);
    const auto with = [&](std::vector<std::size_t> orders) {
        Slots slots;
        for (std::size_t i = 0; i < orders.size(); ++i)
            slots.part(name, orders[i], i == 0, sum);
        return names(slots.entry(alias).parse());
    };
    EXPECT_EQ(with({3, 2, 1}), Names{"a name of three slots, so long it is"});
    for (const std::vector<std::size_t>& wrong : std::vector<std::vector<std::size_t>>{
             {3, 1}, {3, 2}, {2, 3, 1}, {1, 2, 3}, {3, 3, 2, 1}, {3, 2, 2, 1}, {3, 2, 1, 1}})
        EXPECT_EQ(with(wrong), Names{"SHORT.TXT"});
}

TEST(LongName, AnOrderHasNoOtherBitsAndIsNotZero) {
    for (const std::uint8_t order : {0x81, 0xc1, 0x61, 0x40, 0x00 + 0x20})
        EXPECT_EQ(
            names(Slots{}.part(u"odd", 1, true, sum_of(alias)).byte(0, order).entry(alias).parse()),
            Names{"SHORT.TXT"})
            << static_cast<int>(order);
}

TEST(LongName, ANewBeginningStartsOver) {
    const std::uint8_t sum = sum_of(alias);
    EXPECT_EQ(names(Slots{}
                        .part(u"the first one is never ended", 3, true, sum)
                        .part(u"the first one is never ended", 2, false, sum)
                        .part(u"second.txt", 1, true, sum)
                        .entry(alias)
                        .parse()),
              Names{"second.txt"});
}

TEST(LongName, AllSlotsCarryTheSameChecksum) {
    const std::u16string name = u"a name of two slots";
    EXPECT_EQ(names(Slots{}
                        .part(name, 2, true, 0x77)
                        .part(name, 1, false, sum_of(alias))
                        .entry(alias)
                        .parse()),
              Names{"SHORT.TXT"});
}

TEST(LongName, OfAnEntryWhoseShortNameWasChangedIsAnOrphan) { // by DOS, which knows no long names
    EXPECT_EQ(names(Slots{}.long_name(u"long.txt", alias).entry("RENAMED TXT").parse()),
              Names{"RENAMED.TXT"});
}

TEST(LongName, SlotsAreKnownByTheirLowSixAttributeBits) {
    for (const std::uint8_t attribute : {0x0f, 0x4f, 0x8f, 0xcf})
        EXPECT_EQ(
            names(Slots{}.long_name(u"long.txt", alias).byte(11, attribute).entry(alias).parse()),
            Names{"long.txt"});
    // A label, then: not a part of the name.
    EXPECT_EQ(names(Slots{}.long_name(u"long.txt", alias).byte(11, 0x2f).entry(alias).parse()),
              Names{"SHORT.TXT"});
}

TEST(LongName, EndsAtItsFirstNulWhateverFollows) {
    EXPECT_EQ(
        names(
            Slots{}.long_name(u"end.txt", alias).byte(24, 'x').byte(28, 'y').entry(alias).parse()),
        Names{"end.txt"});
}

TEST(LongName, ThatIsEmptyOrADotOrHasASlashLeavesTheShortOne) {
    for (const char16_t* name : {u"", u".", u"..", u"a/b", u"/"})
        EXPECT_EQ(names(Slots{}
                            .part(name, 1, true, sum_of(alias))
                            .entry(alias)
                            .entry("NEXT       ")
                            .parse()),
                  (Names{"SHORT.TXT", "NEXT"}));
}

TEST(LongName, SurrogatePairsAreOneCharacter) {
    EXPECT_EQ(names(Slots{}.long_name(u"\U0001f34e.txt", alias).entry(alias).parse()),
              Names{"\U0001f34e.txt"});
    // The halves may lie in two slots.
    EXPECT_EQ(names(Slots{}.long_name(u"twelve-units\U0001f34e", alias).entry(alias).parse()),
              Names{"twelve-units\U0001f34e"});
}

TEST(LongName, BrokenUtf16StaysUniqueAndPoisonsNothing) {
    const auto broken = [](char16_t unit) { return std::u16string{u'a', unit, u'b'}; };
    const Directory d = Slots{}
                            .long_name(broken(0xd800), "ONE        ")
                            .entry("ONE        ")
                            .long_name(broken(0xd801), "TWO        ")
                            .entry("TWO        ")
                            .long_name(broken(0xdc00), "THREE      ")
                            .entry("THREE      ")
                            .entry("BEHIND     ")
                            .parse();
    EXPECT_EQ(names(d), (Names{"a\xed\xa0\x80"
                               "b",
                               "a\xed\xa0\x81"
                               "b",
                               "a\xed\xb0\x80"
                               "b",
                               "BEHIND"}));
}

} // namespace
