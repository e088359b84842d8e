// Many clients at once, clients that leave without a word, and floods. The figures are printed, not
// judged: they depend on the machine. That memory is bounded is judged.
#include "server_process.h"
#include "wire_client.h"

#include "tests/support/tftp_load.h"

#include <fmt/format.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <vector>

namespace bootview::tftp {
namespace {

#ifdef TFTP_HEAVY
constexpr bool heavy = true;
#else
constexpr bool heavy = false;
#endif

// The most memory a process ever had, in KiB.
long most_memory(pid_t pid) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string word; status >> word;)
        if (word == "VmHWM:") {
            long value = 0;
            status >> value;
            return value;
        }
    return -1;
}

class Load : public testing::Test {
protected:
    // Fetches by `clients` at once, client i the file i modulo `files`.
    void fetch_together(unsigned clients, unsigned files, std::size_t size, unsigned window) {
        std::vector<std::string> contents;
        for (unsigned i = 0; i < files; ++i) {
            contents.push_back(random_content(size, i + 1));
            root.write(std::to_string(i), contents.back());
        }
        std::vector<test::LoadFetch> fetches;
        for (unsigned i = 0; i < clients; ++i)
            fetches.push_back({std::to_string(i % files), &contents[i % files]});
        test::LoadOptions options;
        options.port = server.port();
        options.window = window;
        const auto outcomes = test::fetch_together(fetches, options);
        double slowest = 0, sum = 0;
        std::uint64_t repeated = 0;
        for (const auto& outcome : outcomes) {
            EXPECT_TRUE(outcome.right) << outcome.problem;
            slowest = std::max(slowest, outcome.seconds);
            sum += outcome.seconds;
            repeated += outcome.repeated;
        }
        fmt::print("{} clients x {} bytes, {} files, window {}: {:.1f} MB/s, slowest {:.2f} of the "
                   "mean, {} DATA repeated, server's memory at most {} KiB\n",
                   clients, size, files, window,
                   static_cast<double>(size) * clients / 1e6 / slowest, slowest * clients / sum,
                   repeated, most_memory(server.pid()));
        // Without what a sanitizer needs.
        if (heavy) {
            EXPECT_LT(most_memory(server.pid()), 64 * 1024);
        }
    }

    test::TemporaryDirectory root;
    ServerProcess server{{root.path(), {}, "127.0.0.1:0", {}}};
};

TEST_F(Load, AHundredMachinesFetchOneKernelInLockStep) {
    fetch_together(heavy ? 100 : 20, 1, 2'000'000, 1);
}

TEST_F(Load, AHundredMachinesFetchOneKernelInWindows) {
    fetch_together(heavy ? 100 : 20, 1, 2'000'000, 16);
}

TEST_F(Load, MoreFilesThanFitIntoMemoryArriveRight) {
    fetch_together(heavy ? 100 : 20, heavy ? 100 : 20, heavy ? 1'000'000 : 300'000, 4);
}

TEST_F(Load, TwentyMachinesFetchLargeImages) {
    fetch_together(20, 2, heavy ? 40'000'000 : 1'000'000, 32);
}

// The answers to all requests go to sockets that nobody reads; they fill up and that is that.
TEST_F(Load, AThousandAbandonedTransfersKeepNobodyFromBooting) {
    const auto content = random_content(100'000);
    root.write("file", content);
    std::vector<std::unique_ptr<WireClient>> gone;
    for (int i = 0; i < (heavy ? 1000 : 200); ++i) {
        gone.push_back(std::make_unique<WireClient>(server.port()));
        gone.back()->send_request(
            read_request("file", {{"blksize", "1428"}, {"windowsize", "64"}}));
        if (i % 2 == 0) {
            const auto packet = gone.back()->receive();
            gone.back()->acknowledge(packet, 0);
        }
    }
    EXPECT_TRUE(WireClient(server.port()).fetch("file", {{"blksize", "1428"}}) == content);
    fmt::print("{} abandoned transfers: server's memory at most {} KiB\n", gone.size(),
               most_memory(server.pid()));
    if (heavy) {
        EXPECT_LT(most_memory(server.pid()), 64 * 1024);
    }
}

TEST_F(Load, AFloodOfRequestsKeepsNobodyFromBooting) {
    const auto content = random_content(300'000);
    root.write("file", content);
    std::vector<std::unique_ptr<WireClient>> attackers;
    for (int i = 0; i < 50; ++i)
        attackers.push_back(std::make_unique<WireClient>(server.port()));
    WireClient client(server.port());
    client.send_request(read_request("file"));
    auto packet = client.receive();
    std::string got = packet.body;
    for (std::uint16_t block = 1; packet.body.size() == 512; ++block) {
        for (auto& attacker : attackers) {
            attacker->send_request(read_request(block % 2 ? "file" : "missing", {{"tsize", "0"}}));
            while (attacker->receive_waiting()) {
            }
        }
        client.acknowledge(packet, block);
        do // what a busy machine made the server repeat
            packet = client.receive();
        while (packet.number != static_cast<std::uint16_t>(block + 1));
        got += packet.body;
    }
    EXPECT_TRUE(got == content);
    fmt::print("a flood of {} requests: server's memory at most {} KiB\n", 50 * got.size() / 512,
               most_memory(server.pid()));
    if (heavy) {
        EXPECT_LT(most_memory(server.pid()), 64 * 1024);
    }
    EXPECT_EQ(server.stop(), 0);
}

} // namespace
} // namespace bootview::tftp
