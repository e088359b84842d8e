// Starting, stopping, and what the program says when it cannot.
#include "server_process.h"
#include "wire_client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>

namespace bootview::tftp {
namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

long lines(const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
}

TEST(CommandLine, HelpAndVersionAreNoErrors) {
    EXPECT_EQ(run_to_the_end({"--help"}).status, 0);
    const auto version = run_to_the_end({"--version"});
    EXPECT_EQ(version.status, 0);
    EXPECT_TRUE(version.output.starts_with("tftp-bridge ")) << version.output;
}

TEST(CommandLine, MistakesInTheCommandLineAreStatusTwo) {
    for (const auto& arguments :
         std::vector<std::vector<std::string>>{{},
                                               {"--root"},
                                               {"--root", "/", "--nonsense"},
                                               {"--root", "/", "argument"},
                                               {"--root", "/", "--max-blksize", "7"},
                                               {"--root", "/", "--max-windowsize", "0"},
                                               {"--root", "/", "--log-level", "loud"},
                                               {"--root", "/", "--timeout", "0"}}) {
        const auto ended = run_to_the_end(arguments);
        EXPECT_EQ(ended.status, 2) << ended.output;
        EXPECT_EQ(lines(ended.output), 1) << ended.output;
        EXPECT_TRUE(ended.output.starts_with("tftp-bridge: error: ")) << ended.output;
    }
}

TEST(CommandLine, ARootThatCannotBeServedIsNamed) {
    test::TemporaryDirectory directory;
    const auto file = directory.write("file", "").string();
    for (const auto& root : {file, (directory.path() / "missing").string()}) {
        const auto ended = run_to_the_end({"--root", root, "--listen", "127.0.0.1:0"});
        EXPECT_EQ(ended.status, 1);
        EXPECT_EQ(lines(ended.output), 1) << ended.output;
        EXPECT_TRUE(has(ended.output, root)) << ended.output;
    }
}

TEST(CommandLine, APortInUseIsNamedAndWhoHasIt) {
    test::TemporaryDirectory directory;
    ServerProcess first({directory.path(), {}, "127.0.0.1:0", {}});
    const auto ended = run_to_the_end(
        {"--root", directory.path(), "--listen", fmt::format("127.0.0.1:{}", first.port())});
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(lines(ended.output), 1) << ended.output;
    EXPECT_TRUE(has(ended.output, fmt::format("UDP port {} is in use", first.port())));
    EXPECT_TRUE(has(ended.output, "by tftp-bridge (pid ")) << ended.output;
    EXPECT_TRUE(has(ended.output, "--listen ADDR:PORT")) << ended.output;
}

TEST(CommandLine, AnAddressThatIsNotOursIsNamed) {
    const auto ended = run_to_the_end({"--root", "/", "--listen", "192.0.2.1:6969"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_TRUE(has(ended.output, "192.0.2.1:6969")) << ended.output;
}

TEST(CommandLine, SeveralAddressesAreServed) {
    test::TemporaryDirectory directory;
    directory.write("file", "content");
    ServerProcess server({directory.path(), {"--listen", "127.0.0.3:0"}, "127.0.0.1:0", {}});
    const auto log = server.log();
    const auto at = log.find("127.0.0.3:");
    ASSERT_NE(at, std::string::npos) << log;
    const auto second = static_cast<std::uint16_t>(std::stoi(log.substr(at + 10)));
    EXPECT_EQ(WireClient(second, "127.0.0.3").fetch("file"), "content");
}

TEST(CommandLine, SigtermAndSigintEndInOrder) {
    for (const int number : {SIGTERM, SIGINT}) {
        test::TemporaryDirectory directory;
        directory.write("file", random_content(5000));
        ServerProcess server({directory.path(), unhurried, "127.0.0.1:0", {}});
        WireClient client(server.port());
        client.send_request(read_request("file"));
        client.receive();
        server.signal(number);
        EXPECT_TRUE(server.wait_for_log("ended by a signal"));
        EXPECT_EQ(server.stop(), 0);
        const auto last = client.receive();
        EXPECT_EQ(last.opcode, error);
        EXPECT_STREQ(last.body.c_str(), "server shutting down");
    }
}

TEST(CommandLine, SighupDoesNotDropATransfer) {
    test::TemporaryDirectory directory;
    directory.write("file", random_content(1000));
    ServerProcess server({directory.path(), unhurried, "127.0.0.1:0", {}});
    WireClient client(server.port());
    client.send_request(read_request("file"));
    const auto first = client.receive();
    server.signal(SIGHUP);
    EXPECT_TRUE(server.wait_for_log("SIGHUP: serving"));
    client.acknowledge(first, 1);
    EXPECT_EQ(client.receive().number, 2);
}

TEST(CommandLine, TheServiceManagerIsToldWhenRequestsAreTaken) {
    test::TemporaryDirectory directory;
    const Descriptor manager(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = (directory.path() / "notify").string();
    ASSERT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    ASSERT_EQ(bind(manager.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ServerProcess server({directory.path(), {}, "127.0.0.1:0", {"NOTIFY_SOCKET=" + path}});
    std::array<char, 100> buffer{};
    ASSERT_GT(recv(manager.get(), buffer.data(), buffer.size() - 1, 0), 0);
    EXPECT_STREQ(buffer.data(), "READY=1");
}

TEST(CommandLine, AClientThatLeavesEarlyIsForgottenAtOnce) {
    test::TemporaryDirectory directory;
    directory.write("file", random_content(5000));
    ServerProcess server({directory.path(), {"--timeout", "0.05"}, "127.0.0.1:0", {}});
    {
        WireClient client(server.port());
        client.send_request(read_request("file"));
        client.acknowledge(client.receive(), 1);
    } // its port is closed now: block 2, at the latest when repeated, meets "port unreachable"
    EXPECT_TRUE(server.wait_for_log("the client left before the end"));
}

} // namespace
} // namespace bootview::tftp
