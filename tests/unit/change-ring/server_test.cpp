// The socket that hands out rings. If these fail, a view polls although its server could tell it,
// or somebody who may not read the image learns when it is written.
#include "change-ring/client.h"
#include "change-ring/path.h"
#include "change-ring/protocol.h"
#include "change-ring/server.h"
#include "change-ring/subscriber.h"
#include "tests/support/temporary_directory.h"

#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace bootview;
using namespace bootview::ring;
using namespace std::chrono_literals;

namespace {

struct Served {
    explicit Served(Access access = {})
        : server(std::make_unique<Server>(access)),
          publisher(std::make_shared<Publisher>(ImageId{1, 2}, 1 << 20, server->doorbell())) {
        server->add(publisher, path());
    }
    std::string path() const { return directory / "ring.sock"; }

    test::TemporaryDirectory directory;
    std::unique_ptr<Server> server;
    std::shared_ptr<Publisher> publisher;
};

// A subscriber that does not use our client. Null: nobody listens.
Descriptor raw_connection(const std::string& path) {
    Descriptor socket{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        socket.reset();
    return socket;
}

bool becomes(const std::function<bool()>& condition) {
    for (int i = 0; i < 5000; ++i) {
        if (condition())
            return true;
        std::this_thread::sleep_for(1ms);
    }
    return false;
}

TEST(RingServer, HandsOutTheRingAndWakesWhoSleeps) {
    Served served;
    served.server->start();
    const Connection connection = connect(served.path(), ::geteuid());
    ASSERT_TRUE(connection.ring);
    EXPECT_EQ(connection.ring->image(), (ImageId{1, 2}));
    EXPECT_EQ(hear(connection), Heard::nothing);
    for (int i = 0; i < 3; ++i) { // again after each: the bell is silenced in between
        served.publisher->done(served.publisher->begin(Kind::write, 0, 1));
        EXPECT_TRUE(becomes([&] { return hear(connection) == Heard::wake; }));
        std::this_thread::sleep_for(10ms);
        hear(connection);
    }
}

TEST(RingServer, ConnectionsMadeBeforeTheThreadRunsAreServedThen) {
    Served served;
    std::thread late{[&] {
        std::this_thread::sleep_for(50ms);
        served.server->start();
    }};
    const Connection connection = connect(served.path(), ::geteuid(), 10s);
    late.join();
    EXPECT_TRUE(connection.ring);
}

TEST(RingServer, ItsEndIsHeard) {
    Served served;
    served.server->start();
    const Connection connection = connect(served.path(), ::geteuid());
    ASSERT_TRUE(connection.ring);
    served.server->stop();
    EXPECT_EQ(hear(connection), Heard::end);
    EXPECT_NE(::access(served.path().c_str(), F_OK), 0) << "the socket is removed";
    EXPECT_FALSE(connect(served.path(), ::geteuid()).ring);
}

TEST(RingServer, ReplacesTheSocketOfADeadServerButNotOfALiveOne) {
    Served served;
    served.server->start();
    Server second{{}};
    EXPECT_THROW(second.add(served.publisher, served.path()), std::runtime_error);

    // As after kill -9: the file is there, nobody listens.
    const std::string dead = served.directory / "dead.sock";
    {
        const Descriptor socket{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        dead.copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    second.add(served.publisher, dead);
    second.start();
    EXPECT_TRUE(connect(dead, ::geteuid()).ring);
}

TEST(RingServer, TheSocketHasTheModeThatWasAskedFor) {
    const Served by_default;
    struct stat status {};
    ASSERT_EQ(::stat(by_default.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    const Served open{Access{0666, ::getegid()}};
    ASSERT_EQ(::stat(open.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0666U);
}

TEST(RingServer, AnotherVersionIsToldSo) {
    Served served;
    served.server->start();
    const Descriptor socket = raw_connection(served.path());
    ASSERT_TRUE(socket);
    const Message hello{MessageType::hello, abi_version + 1, 0};
    ASSERT_EQ(::send(socket.get(), &hello, sizeof hello, 0), ssize_t{sizeof hello});
    Message answer{};
    ASSERT_EQ(::recv(socket.get(), &answer, sizeof answer, 0), ssize_t{sizeof answer});
    EXPECT_EQ(answer.type, MessageType::refused);
    EXPECT_EQ(answer.value, static_cast<std::uint64_t>(EPROTO));
    EXPECT_EQ(::recv(socket.get(), &answer, sizeof answer, 0), 0);
}

TEST(RingServer, StrangersWhoTalkNonsenseAreDropped) {
    Served served;
    served.server->start();
    const Descriptor socket = raw_connection(served.path());
    ASSERT_TRUE(socket);
    ASSERT_EQ(::send(socket.get(), "GET /", 5, 0), 5);
    char byte = 0;
    EXPECT_EQ(::recv(socket.get(), &byte, 1, 0), 0);
    EXPECT_TRUE(connect(served.path(), ::geteuid()).ring) << "and the server lives";
}

// Whoever never takes its wake-ups fills its own buffer, nothing else.
TEST(RingServer, ASubscriberThatNeverListensHoldsUpNobody) {
    Served served;
    served.server->start();
    const Connection deaf = connect(served.path(), ::geteuid());
    const Connection other = connect(served.path(), ::geteuid());
    for (int i = 0; i < 1000; ++i) {
        served.publisher->done(served.publisher->begin(Kind::write, 0, 1));
        if (i % 10 == 0)
            std::this_thread::sleep_for(1ms);
    }
    hear(other);
    served.publisher->done(served.publisher->begin(Kind::write, 0, 1));
    EXPECT_TRUE(becomes([&] { return hear(other) == Heard::wake; }));
}

TEST(RingServer, WithoutDescriptorsItRestsAndServesWhenThereAreSomeAgain) {
    Served served;
    served.server->start();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    served.path().copy(address.sun_path, sizeof address.sun_path - 1);
    const Descriptor late{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const rlimit few{64, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    std::vector<Descriptor> all;
    do
        all.emplace_back(::dup(late.get()));
    while (all.back());

    // It is in the server's queue now, which nobody can take it from.
    ASSERT_EQ(::connect(late.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    const auto used = [] {
        rusage usage{};
        ::getrusage(RUSAGE_SELF, &usage);
        return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
               (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    };
    const double begun = used();
    std::this_thread::sleep_for(1s);
    EXPECT_LT(used() - begun, 0.1) << "it spins";

    all.clear();
    ::setrlimit(RLIMIT_NOFILE, &before);
    const Message hello{MessageType::hello, abi_version, 0};
    ASSERT_EQ(::send(late.get(), &hello, sizeof hello, 0), static_cast<ssize_t>(sizeof hello));
    Message answer{};
    EXPECT_TRUE(becomes(
        [&] { return ::recv(late.get(), &answer, sizeof answer, MSG_DONTWAIT) == sizeof answer; }));
    EXPECT_EQ(answer.type, MessageType::welcome);
}

TEST(RingPath, BothSidesDeriveTheSamePath) {
    const test::TemporaryDirectory directory;
    ::setenv("XDG_RUNTIME_DIR", directory.path().c_str(), 1);
    const std::string made = make_runtime_directory();
    ASSERT_FALSE(made.empty());
    const auto candidates = socket_candidates({0xfe00, 0x1234});
    EXPECT_NE(std::find(candidates.begin(), candidates.end(), made + "/ring-fe00-1234.sock"),
              candidates.end());
}

} // namespace
