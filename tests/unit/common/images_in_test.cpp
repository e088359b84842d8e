#include "common/images_in.h"
#include "tests/support/temporary_directory.h"

#include <filesystem>
#include <system_error>

#include <gtest/gtest.h>

namespace bootview {
namespace {

TEST(ImagesIn, ANameIsTheStemUnlessTwoFilesShareIt) {
    const test::TemporaryDirectory directory;
    for (const char* name : {"jammy.img", "noble.img", "noble.raw", ".hidden.img", "plain"})
        directory.write(name, "x");
    std::filesystem::create_directory(directory / "folder.img");
    std::filesystem::create_symlink("jammy.img", directory / "link.img");
    const std::map<std::string, std::string> expected{
        {"jammy", directory / "jammy.img"},     {"link", directory / "link.img"},
        {"noble.img", directory / "noble.img"}, {"noble.raw", directory / "noble.raw"},
        {"plain", directory / "plain"},
    };
    EXPECT_EQ(images_in(directory.path()), expected);
    EXPECT_THROW(images_in(directory / "nowhere"), std::system_error);
}

} // namespace
} // namespace bootview
