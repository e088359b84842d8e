#include "bootview/mount_directory.h"

#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

namespace bootview {
namespace {

TEST(MountDirectory, APrivateOneIsGoneAfterwards) {
    std::string path;
    {
        const MountDirectory directory(std::nullopt);
        path = directory.path();
        EXPECT_TRUE(std::filesystem::is_directory(path));
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(MountDirectory, TheUsersOwnIsLeftAlone) {
    const test::TemporaryDirectory scratch;
    { const MountDirectory directory(scratch.path()); }
    EXPECT_TRUE(std::filesystem::is_directory(scratch.path()));
}

} // namespace
} // namespace bootview
