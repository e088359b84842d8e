// A file system that keeps open() or read() waiting keeps nobody waiting but those who asked for
// that file. And what to do where the kernel does not cut messages.
#include "server_process.h"
#include "wire_client.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <vector>

namespace bootview::tftp {
namespace {

class Blocking : public testing::Test {
protected:
    void open_gate() { std::ofstream(root.path() / "gate"); }

    const std::string content = random_content(400'000);
    test::TemporaryDirectory root;
    std::string file = root.write("file", content);
    ServerProcess server{
        {root.path(),
         unhurried,
         "127.0.0.1:0",
         {"LD_PRELOAD=" TFTP_SLOW_FILES, "SLOW_FILES_GATE=" + (root.path() / "gate").string(),
          "ASAN_OPTIONS=verify_asan_link_order=0"}}};
};

TEST_F(Blocking, AnOpenThatWaitsKeepsNoOtherTransferWaiting) {
    root.write("slow", "slow content");
    WireClient running(server.port()), slow(server.port());
    running.send_request(read_request("file"));
    auto packet = running.receive();
    slow.send_request(read_request("slow"));
    for (int i = 1; i <= 100; ++i) { // it goes on
        running.acknowledge(packet, static_cast<std::uint16_t>(i));
        packet = running.receive();
    }
    EXPECT_TRUE(WireClient(server.port()).fetch("file") == content) << "and others begin";
    EXPECT_FALSE(slow.receive_waiting());
    open_gate();
    EXPECT_EQ(slow.receive().body, "slow content");
}

TEST_F(Blocking, AClientThatAsksAgainMeanwhileGetsOneAnswer) {
    root.write("slow", "slow content");
    WireClient slow(server.port());
    for (int i = 0; i < 3; ++i)
        slow.send_request(read_request("slow"));
    EXPECT_TRUE(WireClient(server.port()).fetch("file") == content) << "they were all received";
    open_gate();
    const auto packet = slow.receive();
    EXPECT_EQ(packet.body, "slow content");
    slow.acknowledge(packet, 1);
    EXPECT_TRUE(WireClient(server.port()).fetch("file") == content);
    EXPECT_FALSE(slow.receive_waiting());
}

TEST_F(Blocking, AClientThatChangesItsMindMeanwhileGetsWhatItAskedLast) {
    root.write("slow", "slow content");
    WireClient client(server.port());
    client.send_request(read_request("slow"));
    client.send_request(read_request("file"));
    const auto packet = client.receive();
    EXPECT_EQ(packet.body, content.substr(0, 512));
    open_gate();
    client.acknowledge(packet, 1);
    EXPECT_EQ(client.receive().number, 2);
}

TEST_F(Blocking, AReadThatWaitsKeepsNoOtherTransferWaiting) {
    root.write("sticky", content);
    WireClient stuck(server.port());
    stuck.send_request(read_request("sticky"));
    EXPECT_TRUE(WireClient(server.port()).fetch("file") == content);
    EXPECT_FALSE(stuck.receive_waiting());
    open_gate();
    EXPECT_EQ(stuck.receive().body, content.substr(0, 512));
}

TEST_F(Blocking, TheServerEndsAlthoughAFileSystemHoldsItsThreads) {
    root.write("slow", "slow content");
    WireClient client(server.port());
    client.send_request(read_request("slow"));
    EXPECT_TRUE(WireClient(server.port()).fetch("file") == content);
    EXPECT_EQ(server.stop(), 0);
}

// Whether what stands before a name is a directory of the client's root, or its own prefix, is a
// question to the file system before the file is opened.
TEST(BlockingRoot, ARootThatWaitsKeepsNoOtherClientWaiting) {
    const test::TemporaryDirectory root;
    root.write("mine/deadbeef/file", "in the directory");
    root.write("mine/other", "other");
    const auto config = root.write("t.toml", "[[client]]\nip = '127.0.0.1'\nroot = 'mine'\n");
    auto arguments = unhurried;
    arguments.insert(arguments.end(), {"--config", config});
    ServerProcess server{
        {root.path(),
         arguments,
         "127.0.0.1:0",
         {"LD_PRELOAD=" TFTP_SLOW_FILES, "SLOW_FILES_GATE=" + (root.path() / "gate").string(),
          "SLOW_FILES_NAME=deadbeef", "ASAN_OPTIONS=verify_asan_link_order=0"}}};
    WireClient waiting(server.port());
    waiting.send_request(read_request("deadbeef/file"));
    waiting.send_request(read_request("deadbeef/file")); // again
    EXPECT_EQ(WireClient(server.port()).fetch("other"), "other");
    EXPECT_FALSE(waiting.receive_waiting());
    std::ofstream(root.path() / "gate");
    const auto packet = waiting.receive();
    EXPECT_EQ(packet.body, "in the directory");
    waiting.acknowledge(packet, 1);
    EXPECT_EQ(WireClient(server.port()).fetch("other"), "other");
    EXPECT_FALSE(waiting.receive_waiting());
}

TEST(BlockingClient, AClientIsNotTakenForSilentWhileItsFileIsRead) {
    test::TemporaryDirectory root;
    const auto content = random_content(2000);
    root.write("sticky", content);
    root.write("file", content);
    ServerProcess server{
        {root.path(),
         {"--timeout", "0.02", "--retries", "1"},
         "127.0.0.1:0",
         {"LD_PRELOAD=" TFTP_SLOW_FILES, "SLOW_FILES_GATE=" + (root.path() / "gate").string(),
          "ASAN_OPTIONS=verify_asan_link_order=0"}}};
    WireClient client(server.port()), silent(server.port());
    client.send_request(read_request("sticky"));
    silent.send_request(read_request("file"));
    EXPECT_TRUE(server.wait_for_log("\"file\": the client has gone silent, gave up"))
        << "in that time the other one would have been given up, too";
    std::ofstream(root.path() / "gate");
    EXPECT_EQ(client.receive().body, content.substr(0, 512));
}

TEST(NoSegments, WhereTheKernelDoesNotCutMessagesPacketsGoOutOneByOne) {
    test::TemporaryDirectory root;
    const auto content = random_content(1'000'003);
    root.write("file", content);
    ServerProcess server{
        {root.path(),
         unhurried,
         "127.0.0.1:0",
         {"LD_PRELOAD=" TFTP_NO_SEGMENTS, "ASAN_OPTIONS=verify_asan_link_order=0"}}};
    for (const auto* window : {"2", "64"})
        EXPECT_TRUE(WireClient(server.port())
                        .fetch("file", {{"blksize", "1468"}, {"windowsize", window}}) == content);
    EXPECT_TRUE(server.wait_for_log("packets go out one by one"));
}

TEST(NoSegments, BlocksThatDoNotFitIntoOnePacketOfTheWayArriveInWindowsToo) {
    test::TemporaryDirectory root;
    const auto content = random_content(1'000'003);
    root.write("file", content);
    ServerProcess server{{root.path(), unhurried, "127.0.0.1:0", {}}};
    for (const auto* size : {"8", "512", "1468", "32768", "65464"})
        EXPECT_TRUE(
            WireClient(server.port()).fetch("file", {{"blksize", size}, {"windowsize", "7"}}) ==
            content)
            << size;
}

} // namespace
} // namespace bootview::tftp
