#include "common/line_origins.h"

#include <gtest/gtest.h>

namespace bootview {
namespace {

TEST(LineOrigins, AMessageNamesTheLineThatAPersonWrote) {
    const auto text = "a\n" + origin_comment("/etc/one.toml", 7) + "b\nc\n" +
                      origin_comment("/etc/two:2.toml", 3) + "d";
    const LineOrigins origins(text, "whole.toml");
    EXPECT_EQ(origins.of(1), "whole.toml:1");
    EXPECT_EQ(origins.of(3), "/etc/one.toml:7");
    EXPECT_EQ(origins.of(4), "/etc/one.toml:8");
    EXPECT_EQ(origins.of(6), "/etc/two:2.toml:3");
    EXPECT_EQ(origins.also(1), "line 1");
    EXPECT_EQ(origins.also(6), "/etc/two:2.toml:3");
}

TEST(LineOrigins, AnOrdinaryCommentIsNone) {
    const LineOrigins origins("#: not a place\n#: file:\n# /etc/x:1\na\n", "t.toml");
    EXPECT_EQ(origins.of(4), "t.toml:4");
    EXPECT_EQ(LineOrigins("", "t.toml").of(1), "t.toml:1");
}

} // namespace
} // namespace bootview
