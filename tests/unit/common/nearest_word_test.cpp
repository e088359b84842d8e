#include "common/nearest_word.h"

#include <gtest/gtest.h>

namespace bootview {
namespace {

TEST(NearestWord, AMistypedWordIsTakenForTheOneItResembles) {
    const std::vector<std::string> words{"images", "image", "listen", "tftp-port"};
    EXPECT_EQ(nearest("imges", words), "images");
    EXPECT_EQ(nearest("tftpport", words), "tftp-port");
    EXPECT_EQ(nearest("lissten", words), "listen");
    EXPECT_EQ(nearest("x", {}), "");
    EXPECT_EQ(nearest("ab", {"abc", "abd"}), "abc"); // the first of two
}

} // namespace
} // namespace bootview
