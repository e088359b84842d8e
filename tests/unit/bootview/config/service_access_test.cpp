// If these fail, "bootview config check" says that all is well, and the units do not start, or no
// client can write.
#include "bootview/config/service_access.h"

#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace bootview::config {
namespace {

namespace fs = std::filesystem;

class ServiceAccessTest : public testing::Test {
protected:
    ServiceAccessTest() {
        fs::permissions(tree_.path(), fs::perms(0755));
        fs::permissions(image_.parent_path(), fs::perms(0755));
    }

    // Of somebody else's file: nobody has none of his own.
    ServiceAccess with_mode(int mode) {
        fs::permissions(image_, fs::perms(mode));
        return service_access(image_.string(), "nobody");
    }

    test::TemporaryDirectory tree_;
    fs::path image_ = tree_.write("of mine/a.img", "x");
};

TEST_F(ServiceAccessTest, AnImageIsForTheUserOfTheUnits) {
    EXPECT_EQ(with_mode(0666).access, Access::whole);
    const auto read_only = with_mode(0644);
    EXPECT_EQ(read_only.access, Access::read_only);
    EXPECT_NE(read_only.why.find("sudo chown nobody: '" + image_.string() + "'"), std::string::npos)
        << read_only.why;
    EXPECT_EQ(with_mode(0600).access, Access::none);
}

TEST_F(ServiceAccessTest, TheDirectoriesAboveItCount) {
    fs::permissions(image_.parent_path(), fs::perms(0700));
    const auto found = with_mode(0666);
    EXPECT_EQ(found.access, Access::none);
    EXPECT_NE(found.why.find("sudo chmod o+x '" + image_.parent_path().string() + "'"),
              std::string::npos)
        << found.why;
}

TEST_F(ServiceAccessTest, ALinkIsWhatItNames) {
    fs::permissions(image_, fs::perms(0600));
    const auto link = tree_.path() / "b.img";
    fs::create_symlink(image_, link);
    EXPECT_EQ(service_access(link.string(), "nobody").access, Access::none);
}

TEST_F(ServiceAccessTest, WithoutTheUnitsThereIsNoProblem) {
    fs::permissions(image_, fs::perms(0600));
    EXPECT_EQ(service_access(image_.string(), "nobody-of-this-name").access, Access::whole);
}

} // namespace
} // namespace bootview::config
