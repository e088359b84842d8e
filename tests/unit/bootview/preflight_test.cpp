#include "bootview/preflight.h"

#include "bootview/failure.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

namespace bootview::preflight {
namespace {

// The line that a check fails with, or "".
std::string complaint(const std::function<void()>& check) {
    try {
        check();
    } catch (const Failure& failure) {
        const std::string line = failure.what();
        EXPECT_EQ(line.find('\n'), std::string::npos);
        return line;
    }
    return {};
}

void expect_says(const std::string& line, const std::string& thing, const std::string& remedy) {
    EXPECT_TRUE(line.starts_with(thing)) << line;
    EXPECT_NE(line.find(remedy), std::string::npos) << line;
}

TEST(Preflight, AnImageIsToldFromADirectory) {
    const test::TemporaryDirectory scratch;
    EXPECT_EQ(check_source(scratch.write("a.img", "x")), SourceKind::image);
    EXPECT_EQ(check_source(scratch.path()), SourceKind::directory);
}

TEST(Preflight, AMissingImage) {
    expect_says(complaint([] { check_source("/no/such.img"); }), "/no/such.img: no such image",
                "give the path");
}

TEST(Preflight, AnEmptyImage) {
    const test::TemporaryDirectory scratch;
    const auto path = scratch.write("empty.img", "").string();
    expect_says(complaint([&] { check_source(path); }), path + ": the image is empty", "download");
}

TEST(Preflight, AnUnreadableImage) {
    if (::geteuid() == 0)
        GTEST_SKIP() << "root may read everything; tests/integration/serve tries it as nobody";
    const test::TemporaryDirectory scratch;
    const auto path = scratch.write("secret.img", "x");
    ::chmod(path.c_str(), 0);
    expect_says(complaint([&] { check_source(path); }), path, "chmod");
}

TEST(Preflight, APipeIsNoImage) {
    const test::TemporaryDirectory scratch;
    const auto path = scratch / "pipe";
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    expect_says(complaint([&] { check_source(path); }), path + ": neither", "give the path");
}

TEST(Preflight, TheMountDirectoryMustBeThereAndFree) {
    const test::TemporaryDirectory scratch;
    EXPECT_EQ(complaint([&] { check_mount_directory(scratch.path()); }), "");
    expect_says(complaint([&] { check_mount_directory(scratch / "none"); }), scratch / "none",
                "mkdir -p");
    const auto file = scratch.write("file", "");
    expect_says(complaint([&] { check_mount_directory(file); }), file, "not a directory");
    expect_says(complaint([] { check_mount_directory("/proc"); }), "/proc: something is mounted",
                "--mount");
}

TEST(Preflight, AMissingOrForbiddenFuseDevice) {
    expect_says(complaint([] { check_fuse_device("/dev/no-such-fuse"); }), "/dev/no-such-fuse",
                "modprobe fuse");
    EXPECT_EQ(complaint([] { check_fuse_device("/dev/null"); }), "");
}

TEST(Preflight, FusermountIsNeededByUsersOnly) {
    EXPECT_EQ(complaint([] { check_fusermount(true, ""); }), "");
}

TEST(Preflight, MissingPrograms) {
    const test::TemporaryDirectory scratch;
    EXPECT_EQ(check_nbdkit(scratch.script("nbdkit", "") == "" ? "" : scratch.path()),
              scratch / "nbdkit");
    expect_says(complaint([&] { check_sibling("no-such-part", scratch.path(), ""); }),
                "no-such-part: not found", "install");
}

TEST(Preflight, APortProblemNamesTheHolderAndTheOption) {
    const Address any;
    expect_says(port_problem(10809, Transport::tcp, any, EADDRINUSE,
                             PortHolder{42, "nbd-server", {"nbd-server"}}, "--nbd-port", "/a.img"),
                "NBD port 10809: taken by nbd-server (process 42)", "--nbd-port");
    expect_says(
        port_problem(69, Transport::udp, any, EADDRINUSE, std::nullopt, "--tftp-port", "/a.img"),
        "TFTP port 69: taken by another program", "--tftp-port");
    expect_says(
        port_problem(69, Transport::udp, any, EACCES, std::nullopt, "--tftp-port", "/a.img"),
        "TFTP port 69", "--tftp-port");
    expect_says(port_problem(69, Transport::udp, *parse_address("192.0.2.9"), EADDRNOTAVAIL,
                             std::nullopt, "--tftp-port", "/a.img"),
                "192.0.2.9", "--listen");
}

TEST(Preflight, ASecondServeOfTheSameImageIsCalledThat) {
    expect_says(port_problem(10809, Transport::tcp, {}, EADDRINUSE,
                             PortHolder{42, "bootview", {"bootview", "serve", "/a.img"}},
                             "--nbd-port", "/a.img"),
                "/a.img: already served by bootview (process 42)", "stop that one");
}

} // namespace
} // namespace bootview::preflight
