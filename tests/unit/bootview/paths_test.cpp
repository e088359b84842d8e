#include "bootview/paths.h"

#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

namespace bootview {
namespace {

TEST(Paths, ABuildTreeIsCompleteInItself) {
    const test::TemporaryDirectory scratch;
    scratch.script("bootview/bootview", "");
    scratch.script("fuse-fatimg/fuse-fatimg", "");
    scratch.script("elsewhere/fuse-fatimg", "");
    scratch.write("nbdkit-plugin/nbdkit-bootview-plugin.so", "");
    EXPECT_EQ(find_sibling("fuse-fatimg", scratch / "bootview", scratch / "elsewhere"),
              scratch / "fuse-fatimg/fuse-fatimg");
    EXPECT_EQ(plugin_argument(scratch / "bootview"),
              scratch / "nbdkit-plugin/nbdkit-bootview-plugin.so");
}

TEST(Paths, AnInstalledOneIsFoundBesideAndInSbin) {
    const test::TemporaryDirectory scratch;
    scratch.script("bin/fuse-fatimg", "");
    scratch.script("sbin/tftp-bridge", "");
    EXPECT_EQ(find_sibling("fuse-fatimg", scratch / "bin", ""), scratch / "bin/fuse-fatimg");
    EXPECT_EQ(find_sibling("tftp-bridge", scratch / "bin", ""), scratch / "sbin/tftp-bridge");
    EXPECT_EQ(find_sibling("no-such-part", scratch / "bin", "/usr/bin"), std::nullopt);
}

TEST(Paths, NbdkitLooksForThePluginItselfUnlessItLiesBelowAnotherPrefix) {
    const test::TemporaryDirectory scratch;
    std::filesystem::create_directories(scratch / "bin");
    EXPECT_EQ(plugin_argument(scratch / "bin"), "bootview");
    const auto plugin =
        scratch.write("lib/x86_64-linux-gnu/nbdkit/plugins/nbdkit-bootview-plugin.so", "");
    EXPECT_EQ(plugin_argument(scratch / "bin"), plugin);
}

TEST(Paths, AFileThatIsNoProgramDoesNotCount) {
    const test::TemporaryDirectory scratch;
    scratch.write("nbdkit-of-test", "");
    EXPECT_EQ(find_in_path("nbdkit-of-test", scratch.path()), std::nullopt);
    scratch.script("nbdkit-of-test", "");
    EXPECT_EQ(find_in_path("nbdkit-of-test", "/nowhere::" + scratch.path().string()),
              scratch / "nbdkit-of-test");
}

} // namespace
} // namespace bootview
