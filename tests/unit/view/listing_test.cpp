// How a name is found in a directory.
#include "fuse-fatimg/view/node.h"
#include "tests/unit/fat/slots.h"

#include <gtest/gtest.h>

using namespace bootview;
using namespace bootview::view;
using namespace bootview::test;

namespace {

Listing listing(const Slots& slots) {
    return {slots.parse(), fat::Extents::of({0, 1 << 20})};
}

TEST(Listing, FindsByLongAndByShortNameInAnyCase) {
    const Listing l = listing(Slots{}
                                  .entry("OTHER      ")
                                  .long_name(u"Long Name.txt", "LONGNA~1TXT")
                                  .entry("LONGNA~1TXT"));
    const fat::Entry* found = l.find("Long Name.txt");
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(l.find("LONGNA~1.TXT"), found);
    EXPECT_EQ(l.find("longna~1.txt"), found);
    EXPECT_EQ(l.find("LONG NAME.TXT"), found);
    EXPECT_EQ(l.find("LONGNA~1"), nullptr);
    EXPECT_EQ(l.at_slot(found->slot), found);
}

TEST(Listing, AnExactMatchComesBeforeOneThatDiffersInCase) {
    const Listing l = listing(Slots{}
                                  .long_name(u"readme", "README~1   ")
                                  .entry("README~1   ")
                                  .long_name(u"README", "README~2   ")
                                  .entry("README~2   "));
    EXPECT_EQ(l.find("readme")->short_name, "README~1");
    EXPECT_EQ(l.find("README")->short_name, "README~2");
    EXPECT_EQ(l.find("Readme")->short_name, "README~1") << "otherwise the first";
}

TEST(Listing, TrailingDotsOfWhatIsLookedUpDoNotCount) {
    const Listing l = listing(Slots{}.entry("NAME       "));
    EXPECT_NE(l.find("NAME."), nullptr);
    EXPECT_NE(l.find("name..."), nullptr);
    EXPECT_EQ(l.find("NAME.x"), nullptr);
    EXPECT_EQ(l.find("..."), nullptr);
}

TEST(Listing, OfTwoOfOneNameTheFirstIsFound) {
    const Listing l = listing(Slots{}.entry("SAME       ").entry("SAME       "));
    EXPECT_EQ(l.find("SAME")->slot, 0U);
}

TEST(Listing, EveryNameThatIsShownIsFound) {
    Slots slots;
    for (char16_t unit : {u'\u00e4', char16_t{0xd800}, char16_t{0xdfff}, char16_t{0xfffe}, char16_t{1}, u' '})
        slots.long_name(std::u16string{u'x', unit, u'y'}, "ALIAS      ").entry("ALIAS      ");
    const Listing l = listing(slots);
    ASSERT_EQ(l.entries().size(), 6U);
    for (const fat::Entry& entry : l.entries())
        EXPECT_EQ(l.find(entry.name), &entry);
}

} // namespace
