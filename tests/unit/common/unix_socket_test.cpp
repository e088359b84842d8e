#include "common/unix_socket.h"

#include "tests/support/image_builder.h"
#include "tests/support/temporary_directory.h"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace bootview {
namespace {

TEST(ListenAt, ReplacesWhatTheDeadLeftBehindAndNothingElse) {
    const test::TemporaryDirectory directory;
    const std::string path = directory / "socket";
    { const auto dead = listen_at(path, SOCK_STREAM); }
    const auto alive = listen_at(path, SOCK_STREAM);
    EXPECT_TRUE(alive);
    EXPECT_TRUE(connect_to(path, SOCK_STREAM));
    EXPECT_FALSE(listen_at(path, SOCK_STREAM));
    EXPECT_EQ(errno, EADDRINUSE);

    const std::string file = directory / "notes.txt";
    test::write_file(file, "not a socket");
    EXPECT_FALSE(listen_at(file, SOCK_STREAM));
    EXPECT_EQ(errno, EADDRINUSE);
    EXPECT_EQ(test::read_file(file), "not a socket");

    EXPECT_FALSE(listen_at(directory / std::string(200, 'x'), SOCK_STREAM));
    EXPECT_EQ(errno, ENAMETOOLONG);
}

TEST(RemoveDeadSockets, LeavesThoseOfTheLivingAndTheYoung) {
    const test::TemporaryDirectory directory;
    const auto alive = listen_at(directory / "ring-alive", SOCK_SEQPACKET);
    { const auto dead = listen_at(directory / "ring-young", SOCK_STREAM); }
    ASSERT_TRUE(alive);
    const auto exists = [&](const char* name) {
        struct stat info {};
        return ::lstat((directory / name).c_str(), &info) == 0;
    };
    remove_dead_sockets(directory / "", "ring-");
    EXPECT_TRUE(exists("ring-alive"));
    EXPECT_TRUE(exists("ring-young"));
    remove_dead_sockets(directory / "", "ring-", std::chrono::seconds{0});
    EXPECT_TRUE(exists("ring-alive"));
    EXPECT_FALSE(exists("ring-young"));
}

} // namespace
} // namespace bootview
