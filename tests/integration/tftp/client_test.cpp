// Real clients fetch real files.
#include "server_process.h"
#include "wire_client.h"

#include <fmt/format.h>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>

namespace bootview::tftp {
namespace {

class Clients : public testing::Test {
protected:
    std::string url(const std::string& name) const {
        return fmt::format("tftp://127.0.0.1:{}/{}", server.port(), name);
    }
    std::string local(const std::string& name) const { return fetched.path() / name; }

    int curl(const std::string& name, unsigned block_size) {
        std::error_code missing;
        // curl takes "tsize 0", an empty file's right answer, for an error.
        if (std::filesystem::is_empty(root.path() / name, missing))
            return test::run(
                {"curl", "--silent", "--tftp-no-options", "--output", local(name), url(name)});
        return test::run({"curl", "--silent", "--tftp-blksize", std::to_string(block_size),
                          "--output", local(name), url(name)});
    }
    int tftp_hpa(const std::string& name) {
        return test::run({"tftp", "-m", "binary", "127.0.0.1", std::to_string(server.port()), "-c",
                          "get", name, local(name)});
    }
    int atftp(const std::string& name, unsigned block_size, unsigned window) {
        return test::run({"atftp", "--get", "--remote-file", name, "--local-file", local(name),
                          "--option", fmt::format("blksize {}", block_size), "--option",
                          fmt::format("windowsize {}", window), "127.0.0.1",
                          std::to_string(server.port())});
    }
    int busybox(const std::string& name, unsigned block_size) {
        return test::run({"busybox", "tftp", "-g", "-b", std::to_string(block_size), "-r", name,
                          "-l", local(name), "127.0.0.1", std::to_string(server.port())});
    }
    // curl and tftp-hpa leave no file behind if it is empty.
    bool arrived(const std::string& name, const std::string& content) const {
        return read_file(local(name)) == content;
    }

    void all_sizes_arrive(const std::function<int(const std::string& name)>& fetch) {
        for (const std::size_t size : {0, 1, 511, 512, 513, 1024, 1468 * 3, 512 * 100, 100'001}) {
            const auto name = fmt::format("{}-{}", ++files, size);
            const auto content = random_content(size);
            root.write(name, content);
            EXPECT_EQ(fetch(name), 0) << name;
            EXPECT_TRUE(arrived(name, content)) << name;
        }
    }

    int files = 0; // each with a name of its own: what was left by another would look right
    test::TemporaryDirectory root;
    test::TemporaryDirectory fetched;
    ServerProcess server{{root.path(), {}, "127.0.0.1:0", {}}};
};

TEST_F(Clients, CurlFetchesFilesOfEveryAwkwardSize) {
    REQUIRE_PROGRAM("curl");
    for (const unsigned block_size : {512, 1468})
        all_sizes_arrive([&](const std::string& name) { return curl(name, block_size); });
}

TEST_F(Clients, TftpHpaFetchesFilesOfEveryAwkwardSize) {
    REQUIRE_PROGRAM("tftp");
    all_sizes_arrive([&](const std::string& name) { return tftp_hpa(name); });
}

TEST_F(Clients, AtftpFetchesFilesOfEveryAwkwardSizeInWindows) {
    REQUIRE_PROGRAM("atftp");
    for (const unsigned window : {1, 4, 16, 64})
        all_sizes_arrive([&](const std::string& name) { return atftp(name, 512, window); });
}

TEST_F(Clients, BusyboxFetchesFilesOfEveryAwkwardSize) {
    REQUIRE_PROGRAM("busybox");
    for (const unsigned block_size : {512, 1468})
        all_sizes_arrive([&](const std::string& name) { return busybox(name, block_size); });
}

TEST_F(Clients, TftpHpaFetchesText) {
    REQUIRE_PROGRAM("tftp");
    std::string text;
    for (int i = 0; i < 5000; ++i)
        text += "line " + std::to_string(i * i) + (i % 7 == 0 ? "\r\n" : "\n");
    root.write("text", text);
    EXPECT_EQ(test::run({"tftp", "-m", "ascii", "127.0.0.1", std::to_string(server.port()), "-c",
                         "get", "text", local("text")}),
              0);
    EXPECT_TRUE(arrived("text", text));
}

TEST_F(Clients, EveryCombinationOfOptionsIsServed) {
    const auto content = random_content(20'001);
    root.write("file", content);
    const Options all = {{"blksize", "1000"}, {"tsize", "0"},    {"timeout", "20"},
                         {"windowsize", "5"}, {"rollover", "0"}, {"utimeout", "9000000"},
                         {"blksize2", "512"}, {"multicast", ""}};
    for (unsigned chosen = 0; chosen < 1U << all.size(); ++chosen) {
        Options options;
        for (std::size_t i = 0; i < all.size(); ++i)
            if (chosen >> i & 1)
                options.push_back(all[i]);
        // The client takes blksize2 for nothing it knows, so it must not be the only size.
        if ((chosen & 1) == 0 && (chosen >> 6 & 1))
            continue;
        ASSERT_TRUE(WireClient(server.port()).fetch("file", options) == content) << chosen;
    }
}

#ifdef TFTP_HEAVY
TEST_F(Clients, AHundredMegabytesArrive) {
    REQUIRE_PROGRAM("curl");
    const auto content = random_content(100'000'000);
    root.write("image", content);
    EXPECT_EQ(curl("image", 1468), 0);
    EXPECT_TRUE(arrived("image", content));
}
#endif

TEST_F(Clients, TftpHpaFetchesMoreThan65535Blocks) {
    REQUIRE_PROGRAM("tftp");
    const auto content = random_content(std::size_t{33} << 20);
    root.write("large", content);
    EXPECT_EQ(tftp_hpa("large"), 0);
    EXPECT_TRUE(arrived("large", content));
}

TEST_F(Clients, CurlFetchesMoreThan65535TinyBlocks) {
    REQUIRE_PROGRAM("curl");
    const auto content = random_content(8 * 66'000);
    root.write("tiny-blocks", content);
    EXPECT_EQ(curl("tiny-blocks", 8), 0);
    EXPECT_TRUE(arrived("tiny-blocks", content));
}

TEST_F(Clients, AtftpFetchesMoreThan65535BlocksInWindows) {
    REQUIRE_PROGRAM("atftp");
    const auto content = random_content(std::size_t{33} << 20);
    root.write("large", content);
    EXPECT_EQ(atftp("large", 512, 16), 0);
    EXPECT_TRUE(arrived("large", content));
}

TEST_F(Clients, TheLargestBlocksWorkWhereThePathCarriesThem) {
    REQUIRE_PROGRAM("curl");
    const auto content = random_content(1'000'000);
    root.write("file", content);
    EXPECT_EQ(curl("file", 65464), 0);
    EXPECT_TRUE(arrived("file", content));
}

TEST_F(Clients, ManyMachinesBootAtTheSameTime) {
    REQUIRE_PROGRAM("curl");
    std::vector<test::ChildProcess> clients;
    for (unsigned i = 0; i < 20; ++i) {
        const auto name = std::to_string(i);
        root.write(name, random_content(300'000 + i, i));
        clients.emplace_back(std::vector<std::string>{"curl", "--silent", "--tftp-blksize", "1468",
                                                      "--output", local(name), url(name)});
    }
    for (unsigned i = 0; i < 20; ++i) {
        EXPECT_EQ(clients[i].wait(std::chrono::minutes{1}), 0) << i;
        EXPECT_TRUE(arrived(std::to_string(i), random_content(300'000 + i, i))) << i;
    }
}

TEST_F(Clients, AMissingFileIsCurlsNotFound) {
    REQUIRE_PROGRAM("curl");
    EXPECT_EQ(curl("missing", 512), 68);                  // CURLE_TFTP_NOTFOUND
    EXPECT_EQ(curl("%2e%2e/%2e%2e/etc/passwd", 512), 69); // CURLE_TFTP_PERM
}

TEST_F(Clients, TheLogHasOneLinePerFile) {
    const auto content = random_content(5000);
    root.write("file", content);
    EXPECT_EQ(WireClient(server.port()).fetch("file", {{"blksize", "1024"}}), content);
    EXPECT_TRUE(server.wait_for_log("\"file\": 5000 bytes in "));
    EXPECT_TRUE(server.wait_for_log(" MB/s, 0 retransmits\n"));
}

} // namespace
} // namespace bootview::tftp
