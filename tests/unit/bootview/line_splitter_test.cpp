#include "bootview/line_splitter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bootview {
namespace {

struct Lines {
    LineSplitter splitter{};
    std::vector<std::string> seen{};

    void feed(std::string_view bytes) {
        splitter.feed(bytes, [&](std::string_view line) { seen.emplace_back(line); });
    }
};

TEST(LineSplitter, ALineMayArriveInPieces) {
    Lines lines;
    lines.feed("on");
    EXPECT_TRUE(lines.seen.empty());
    lines.feed("e\ntwo\r\n\nthr");
    EXPECT_EQ(lines.seen, (std::vector<std::string>{"one", "two"}));
    lines.splitter.finish([&](std::string_view line) { lines.seen.emplace_back(line); });
    EXPECT_EQ(lines.seen.back(), "thr");
}

TEST(LineSplitter, ALineWithoutEndCostsNoMemory) {
    Lines lines;
    lines.feed(std::string(3 * LineSplitter::longest_line, 'x'));
    EXPECT_EQ(lines.seen.size(), 3U);
}

} // namespace
} // namespace bootview
