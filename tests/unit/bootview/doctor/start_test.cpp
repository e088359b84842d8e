// If these fail, what serve says before "ready" is lost in too many lines, or misses its remedy.
#include "bootview/doctor/start.h"

#include <gtest/gtest.h>

namespace bootview::doctor {
namespace {

TEST(StartLines, SayWhatOneLineMendsTogether) {
    Findings findings;
    findings.fail("a", "config.txt", "one", "sed");
    findings.fail("b", "config.txt", "two", "sed");
    findings.warn("c", "network", "three");
    EXPECT_EQ(start_lines(findings, "x.img", 10),
              (std::vector<std::string>{"config.txt: one [a]", "config.txt: two [b]",
                                        "     fix: sed", "network: three [c]"}));
}

TEST(StartLines, AreFewHoweverManyImagesThereAre) {
    Findings findings;
    for (int i = 0; i < 100; ++i)
        findings.fail("a", std::to_string(i), "broken\x1b[2J", "mend " + std::to_string(i));
    const auto lines = start_lines(findings, "my images", 10);
    ASSERT_EQ(lines.size(), 9U); // four of two lines each, and the last
    EXPECT_EQ(lines.front(), "0: broken?[2J [a]");
    EXPECT_EQ(lines.back(), "96 more: bootview doctor 'my images'");
}

TEST(StartLines, AreNoneWhereNothingIsWrong) {
    EXPECT_TRUE(start_lines({}, "x.img", 10).empty());
}

} // namespace
} // namespace bootview::doctor
