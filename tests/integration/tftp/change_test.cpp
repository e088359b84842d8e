// Files that change while they are sent.
#include "server_process.h"
#include "wire_client.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace bootview::tftp {
namespace {

constexpr auto changed = "ERROR 0: file changed while being sent, ask again";

// Takes the first two blocks of "file" in lock-step, lets `change` happen, and takes the rest.
template<typename Change>
std::string fetch_with_change(std::uint16_t port, Change change) {
    WireClient client(port);
    client.send_request(read_request("file"));
    auto packet = client.receive();
    std::string content;
    while (packet.opcode == data) {
        content += packet.body;
        if (packet.body.size() < 512)
            return content;
        if (packet.number == 2)
            change();
        client.acknowledge(packet, packet.number);
        packet = client.receive();
    }
    return "ERROR " + std::to_string(packet.number) + ": " + packet.body.c_str();
}

class Change : public testing::Test {
protected:
    // Longer than what the server reads ahead.
    const std::string old_content = random_content(500'100, 1);
    const std::string new_content = random_content(500'100, 2);
    test::TemporaryDirectory root;
    std::filesystem::path file = root.write("file", old_content);
    ServerProcess server{{root.path(), unhurried, "127.0.0.1:0", {}}};
};

TEST_F(Change, ATruncatedFileDoesNotArriveShort) {
    EXPECT_EQ(fetch_with_change(server.port(), [&] { std::filesystem::resize_file(file, 600); }),
              changed);
    EXPECT_TRUE(server.wait_for_log("the file changed while it was being sent"));
}

TEST_F(Change, AFileTruncatedToAMultipleOfTheBlockSizeDoesNotArriveShort) {
    EXPECT_EQ(fetch_with_change(server.port(), [&] { std::filesystem::resize_file(file, 1024); }),
              changed);
}

TEST_F(Change, AFileOverwrittenInPlaceDoesNotArriveMixed) {
    const auto before = std::filesystem::last_write_time(file);
    EXPECT_EQ(fetch_with_change(server.port(),
                                [&] {
                                    root.write("file", new_content);
                                    std::filesystem::last_write_time(
                                        file, before + std::chrono::seconds(2));
                                }),
              changed);
}

TEST_F(Change, AFileReplacedByRenameArrivesAsItWasAndThenAsItIs) {
    EXPECT_EQ(fetch_with_change(server.port(),
                                [&] {
                                    root.write("new", new_content);
                                    std::filesystem::rename(root.path() / "new", file);
                                }),
              old_content);
    EXPECT_EQ(WireClient(server.port()).fetch("file"), new_content);
}

TEST_F(Change, AShortFileThatIsTruncatedHalfWayEndsWithAnErrorToo) {
    root.write("file", random_content(2000));
    EXPECT_EQ(fetch_with_change(server.port(), [&] { std::filesystem::resize_file(file, 1500); }),
              changed);
}

TEST_F(Change, AFileThatIsChangedIsRefusedToAllThatFetchItAndThenSentAsItIs) {
    std::vector<std::unique_ptr<WireClient>> clients;
    std::vector<Packet> packets;
    for (int i = 0; i < 10; ++i) {
        clients.push_back(std::make_unique<WireClient>(server.port()));
        clients.back()->send_request(read_request("file", {{"blksize", "1428"}}));
        packets.push_back(clients.back()->receive());
    }
    std::filesystem::resize_file(file, 400'000);
    for (std::size_t i = 0; i < clients.size(); ++i) {
        std::uint16_t block = 0;
        while (packets[i].opcode != 5) {
            ASSERT_LT(block, 500'100 / 1428) << "it arrived";
            clients[i]->acknowledge(packets[i], block++);
            packets[i] = clients[i]->receive();
        }
        EXPECT_STREQ(packets[i].body.c_str(), "file changed while being sent, ask again");
    }
    EXPECT_EQ(WireClient(server.port()).fetch("file"), old_content.substr(0, 400'000));
}

TEST_F(Change, ARootThatIsReplacedIsServedFromThenOn) {
    test::TemporaryDirectory parent;
    const auto served = parent.path() / "root";
    parent.write("root/file", old_content);
    ServerProcess other({served, {}, "127.0.0.1:0", {}});
    EXPECT_EQ(WireClient(other.port()).fetch("file"), old_content);
    std::filesystem::rename(served, parent.path() / "old");
    parent.write("root/file", new_content);
    EXPECT_EQ(WireClient(other.port()).fetch("file"), new_content);
}

// What fuse-fatimg does when the client of the disk image replaces a file.
ServerOptions going_stale_after(const test::TemporaryDirectory& root, int reads) {
    return {root.path(),
            unhurried,
            "127.0.0.1:0",
            {"LD_PRELOAD=" TFTP_STALE_READ, "STALE_READ_AFTER=" + std::to_string(reads),
             "ASAN_OPTIONS=verify_asan_link_order=0"}};
}

TEST_F(Change, AFileThatGoesStaleHalfWayEndsWithAnError) {
    ServerProcess stale(going_stale_after(root, 3));
    EXPECT_EQ(fetch_with_change(stale.port(), [] {}), changed);
    EXPECT_EQ(stale.stop(), 0);
}

TEST_F(Change, AFileThatGoesStaleBeforeItsFirstBlockEndsWithAnError) {
    ServerProcess stale(going_stale_after(root, 0));
    EXPECT_EQ(WireClient(stale.port()).fetch("file"), changed);
    EXPECT_EQ(WireClient(stale.port()).fetch("file", {{"blksize", "1024"}}), changed);
    EXPECT_EQ(stale.stop(), 0);
}

TEST_F(Change, AFileThatGoesStaleInAWindowEndsWithAnError) {
    ServerProcess stale(going_stale_after(root, 1));
    EXPECT_EQ(WireClient(stale.port()).fetch("file", {{"windowsize", "4"}}), changed);
    EXPECT_EQ(stale.stop(), 0);
}

} // namespace
} // namespace bootview::tftp
