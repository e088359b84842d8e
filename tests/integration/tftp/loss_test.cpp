// Files arrive whole over a network that loses, doubles and reorders packets.
#include "lossy_relay.h"
#include "server_process.h"
#include "wire_client.h"

#include <fmt/format.h>

#include <gtest/gtest.h>

namespace bootview::tftp {
namespace {

const Badness bad{5, 5, 5, 0, 0};
const Badness very_bad{25, 10, 10, 5, 5};

class Loss : public testing::Test {
protected:
    const std::string content = random_content(200'001);
    test::TemporaryDirectory root;
    test::TemporaryDirectory fetched;
    std::string file = root.write("file", content);
    // Not patient, so that the tests are not slow.
    ServerProcess server{
        {root.path(), {"--timeout", "0.02", "--retries", "20"}, "127.0.0.1:0", {}}};
};

TEST_F(Loss, EveryWindowArrivesWhole) {
    for (const auto* window : {"1", "4", "16", "64"})
        for (unsigned seed = 1; seed <= 3; ++seed) {
            LossyRelay relay(server.port(), bad, seed);
            WireClient client(relay.port());
            EXPECT_TRUE(client.fetch("file", {{"blksize", "1024"}, {"windowsize", window}}) ==
                        content)
                << "window " << window << ", seed " << seed;
            EXPECT_GT(relay.disturbed(), 0U);
        }
}

TEST_F(Loss, AVeryBadNetworkOnlyTakesLonger) {
    for (const auto* window : {"1", "8"}) {
        LossyRelay relay(server.port(), very_bad, 42);
        WireClient client(relay.port());
        EXPECT_TRUE(client.fetch("file", {{"blksize", "1468"}, {"windowsize", window}}) == content)
            << "window " << window;
    }
}

TEST_F(Loss, EveryKindOfBadnessIsOvercome) {
    const Badness kinds[] = {{20, 0, 0, 0, 0},    {0, 20, 0, 0, 0}, {0, 0, 20, 0, 0},
                             {0, 0, 0, 20, 0},    {0, 0, 0, 0, 20}, {1, 1, 1, 1, 1},
                             {10, 10, 10, 10, 10}};
    unsigned seed = 100;
    for (const auto& kind : kinds)
        for (const auto* window : {"1", "16"}) {
            LossyRelay relay(server.port(), kind, ++seed);
            WireClient client(relay.port());
            EXPECT_TRUE(client.fetch("file", {{"blksize", "1468"}, {"windowsize", window}}) ==
                        content)
                << "window " << window << ", seed " << seed;
        }
}

TEST_F(Loss, InLockStepNoMorePacketsComeThanWereAskedFor) {
    LossyRelay relay(server.port(), {5, 20, 5, 5, 5}, 3);
    WireClient client(relay.port());
    EXPECT_TRUE(client.fetch("file", {{"blksize", "1468"}}) == content);
    ASSERT_TRUE(server.wait_for_log(" retransmits"));
    const auto log = server.log();
    const auto end = log.find(" retransmits");
    const auto repeated = static_cast<unsigned>(std::stoi(log.substr(log.rfind(' ', end - 1))));
    // Each packet is the answer to one of the client's, or to its silence.
    EXPECT_LE(relay.from_server(), relay.to_server() + repeated);
}

TEST_F(Loss, DoubledPacketsDoNotMultiply) {
    // Each packet twice, nothing lost: whoever answers repeated acknowledgements sends ever more.
    LossyRelay relay(server.port(), {0, 100, 0, 0, 0}, 1);
    WireClient client(relay.port());
    EXPECT_TRUE(client.fetch("file", {{"blksize", "512"}, {"timeout", "255"}}) == content);
    EXPECT_TRUE(server.wait_for_log(" 0 retransmits"));
}

TEST_F(Loss, TftpHpaArrives) {
    REQUIRE_PROGRAM("tftp");
    LossyRelay relay(server.port(), bad, 7);
    const auto local = (fetched.path() / "file").string();
    EXPECT_EQ(test::run({"tftp", "-m", "binary", "127.0.0.1", std::to_string(relay.port()), "-c",
                         "get", "file", local}),
              0);
    EXPECT_TRUE(read_file(local) == content);
}

TEST_F(Loss, CurlArrives) {
    REQUIRE_PROGRAM("curl");
    LossyRelay relay(server.port(), bad, 8);
    const auto local = (fetched.path() / "file").string();
    // Without options: curl would ask for a timeout of 72 seconds, and get it.
    EXPECT_EQ(test::run({"curl", "--silent", "--tftp-no-options", "--output", local,
                         fmt::format("tftp://127.0.0.1:{}/file", relay.port())}),
              0);
    EXPECT_TRUE(read_file(local) == content);
}

TEST_F(Loss, AtftpArrivesInWindows) {
    REQUIRE_PROGRAM("atftp");
    // Patient: atftp gives up when an OACK comes twice, as it must when its ACK is lost or late.
    ServerProcess patient{{root.path(), {"--timeout", "1"}, "127.0.0.1:0", {}}};
    LossyRelay relay(patient.port(), {5, 0, 0, 0, 0}, 9);
    const auto local = (fetched.path() / "file").string();
    EXPECT_EQ(test::run({"atftp", "--get", "--remote-file", "file", "--local-file", local,
                         "--option", "blksize 1468", "--option", "windowsize 16", "127.0.0.1",
                         std::to_string(relay.port())}),
              0);
    EXPECT_TRUE(read_file(local) == content);
}

} // namespace
} // namespace bootview::tftp
