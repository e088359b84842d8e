// What a monitoring program is told, and sockets from a service manager.
#include "server_process.h"
#include "wire_client.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

#include <gtest/gtest.h>

#include <array>
#include <filesystem>

namespace bootview::tftp {
namespace {

// What an HTTP client reads from a connected socket.
std::string ask(int fd) {
    const std::string request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    EXPECT_EQ(send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
    std::string answer;
    std::array<char, 4096> buffer;
    for (ssize_t got; (got = recv(fd, buffer.data(), buffer.size(), 0)) > 0;)
        answer.append(buffer.data(), static_cast<std::size_t>(got));
    return answer;
}

std::string ask_path(const std::string& path) {
    const Descriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return ask(fd.get());
}

std::string ask_port(std::uint16_t port) {
    const Descriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage storage;
    const auto length = Endpoint::from_text("127.0.0.1", port)->to_sockaddr(storage);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
    return ask(fd.get());
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(MetricsTest, WhatHappenedIsCounted) {
    test::TemporaryDirectory root;
    root.write("file", random_content(5000));
    const auto path = (root.path() / "metrics").string();
    ServerProcess server({root.path(), {"--timeout", "60", "--metrics", path}, "127.0.0.1:0", {}});
    EXPECT_EQ(WireClient(server.port()).fetch("file"), random_content(5000));
    EXPECT_TRUE(WireClient(server.port()).fetch("missing").starts_with("ERROR 1: "));
    EXPECT_TRUE(WireClient(server.port()).fetch("..").starts_with("ERROR 2: "));
    WireClient prober(server.port());
    prober.send_request(read_request("file", {{"tsize", "0"}}));
    prober.stop_transfer(prober.receive());
    EXPECT_TRUE(server.wait_for_log("asked for the size only"));
    WireClient running(server.port());
    running.send_request(read_request("file"));
    running.receive();

    const auto text = ask_path(path);
    EXPECT_TRUE(text.starts_with("HTTP/1.0 200 OK\r\n")) << text;
    for (const auto* line :
         {"bootview_tftp_requests_total 5\n", "bootview_tftp_transfers_begun_total 3\n",
          "bootview_tftp_transfers_ended_total{outcome=\"finished\"} 1\n",
          "bootview_tftp_transfers_ended_total{outcome=\"enough\"} 1\n",
          "bootview_tftp_errors_total{code=\"1\"} 1\n",
          "bootview_tftp_errors_total{code=\"2\"} 1\n", "bootview_tftp_sent_bytes_total 5000\n",
          "bootview_tftp_retransmits_total 0\n", "bootview_tftp_transfers 1\n"})
        EXPECT_TRUE(has(text, line)) << line << "is missing in:\n" << text;
    EXPECT_EQ(server.stop(), 0);
    EXPECT_FALSE(std::filesystem::exists(path)) << "the socket is left behind";
}

TEST(MetricsTest, APortOfLoopbackWillDoToo) {
    test::TemporaryDirectory root;
    ServerProcess server({root.path(), {"--metrics", "0"}, "127.0.0.1:0", {}});
    ASSERT_TRUE(server.wait_for_log("metrics: 127.0.0.1:"));
    const auto log = server.log();
    const auto at = log.find("metrics: 127.0.0.1:") + 19;
    EXPECT_TRUE(has(ask_port(static_cast<std::uint16_t>(std::stoi(log.substr(at)))),
                    "bootview_tftp_transfers 0\n"));
}

TEST(MetricsTest, ConnectionsThatAskNothingHoldNobodyUp) {
    test::TemporaryDirectory root;
    root.write("file", "content");
    const auto path = (root.path() / "metrics").string();
    ServerProcess server({root.path(), {"--metrics", path}, "127.0.0.1:0", {}});
    std::vector<Descriptor> idle;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    for (int i = 0; i < 50; ++i) {
        idle.emplace_back(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(connect(idle.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address),
                  0);
    }
    EXPECT_TRUE(has(ask_path(path), "bootview_tftp_transfers 0\n"));
    EXPECT_EQ(WireClient(server.port()).fetch("file"), "content");
}

TEST(MetricsTest, AMistakeSaysWhatToWrite) {
    for (const auto* where : {"nonsense", "1.2.3.4:5", "/missing/directory/socket"}) {
        const auto ended =
            run_to_the_end({"--root", "/", "--listen", "127.0.0.1:0", "--metrics", where});
        EXPECT_EQ(ended.status, 1);
        EXPECT_TRUE(has(ended.output, std::string("--metrics ") + where)) << ended.output;
    }
}

// Starts the server as systemd does: with a bound socket as descriptor 3, and its own pid in the
// environment, which only the shell that becomes it can know.
TEST(SocketActivation, TheSocketOfTheServiceManagerIsUsed) {
    test::TemporaryDirectory root;
    root.write("file", "content");
    const Descriptor bound(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage storage;
    auto length = Endpoint::from_text("127.0.0.1", 0)->to_sockaddr(storage);
    ASSERT_EQ(bind(bound.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
    getsockname(bound.get(), reinterpret_cast<sockaddr*>(&storage), &length);
    const auto port = Endpoint::from_sockaddr(storage).port;
    const Descriptor passed(dup(bound.get())); // not closed by exec
    WireClient client(port);
    client.send_request(read_request("file")); // before it runs: waits in the socket
    for (const auto* names : {"tftp", "dhcp:tftp", "tftp-bridge.socket"}) {
        const bool second = std::string(names).starts_with("dhcp");
        test::ChildProcess process(
            {"/bin/sh", "-c",
             fmt::format("exec 3<&{} 4<&{}; export LISTEN_PID=$$ LISTEN_FDS={} "
                         "LISTEN_FDNAMES={}; exec " TFTP_BRIDGE " --root {}",
                         second ? 0 : passed.get(), passed.get(), second ? 2 : 1, names,
                         root.path().string())});
        EXPECT_EQ(WireClient(port).fetch("file"), "content") << names;
        EXPECT_EQ(process.stop(std::chrono::minutes{1}), 0);
    }
    EXPECT_EQ(client.receive().body, "content") << "the request from before the start";
}

} // namespace
} // namespace bootview::tftp
