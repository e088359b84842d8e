#include "initramfs-hooks/nbd-attach/options.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace bootview::nbd {
namespace {

struct Parsed {
    explicit Parsed(std::vector<std::string> arguments) : words(std::move(arguments)) {
        words.insert(words.begin(), "bootview-nbd-attach");
        for (auto& word : words)
            pointers.push_back(word.data());
        good = parse(static_cast<int>(pointers.size()), pointers.data(), options, problem);
    }
    std::vector<std::string> words;
    std::vector<char*> pointers;
    Options options;
    Text problem;
    bool good = false;
};

TEST(Options, TheCommandLineOfTheBootScript) {
    const Parsed parsed(
        {"--device", "/dev/nbd3", "--host", "fd00::2", "--port=10810", "--export", "a b"});
    ASSERT_TRUE(parsed.good) << parsed.problem.view();
    EXPECT_EQ(parsed.options.index, 3U);
    EXPECT_STREQ(parsed.options.host, "fd00::2");
    EXPECT_EQ(parsed.options.port, 10810);
    EXPECT_STREQ(parsed.options.export_name, "a b");
    EXPECT_EQ(parsed.options.dead_connection, 604800U);
}

TEST(Options, AnEmptyNameIsTheDefaultExport) {
    const Parsed parsed({"--device", "nbd0", "--host", "10.0.0.1", "--export", ""});
    ASSERT_TRUE(parsed.good);
    EXPECT_STREQ(parsed.options.export_name, "");
}

TEST(Options, MistakesAreExplained) {
    const auto problem = [](std::vector<std::string> words) {
        const Parsed parsed(std::move(words));
        EXPECT_FALSE(parsed.good);
        return std::string(parsed.problem.view());
    };
    EXPECT_NE(problem({}).find("which device?"), std::string::npos);
    EXPECT_NE(problem({"--device", "/dev/nbd0"}).find("which server?"), std::string::npos);
    EXPECT_NE(problem({"--device", "/dev/sda"}).find("not '/dev/sda'"), std::string::npos);
    EXPECT_NE(problem({"--device", "/dev/nbd0p1"}).find("not '/dev/nbd0p1'"), std::string::npos);
    EXPECT_NE(problem({"--device"}).find("needs a value"), std::string::npos);
    EXPECT_NE(problem({"--port", "65536"}).find("from 1 to 65535"), std::string::npos);
    for (const char* host : {"10.0.0.1:10809", "10.0.0.1:10809:disk", "10.0.0.1/disk",
                             "10.0.0.1,disk", "nbd:10.0.0.1:disk", "nbd://10.0.0.1/disk"})
        EXPECT_NE(problem({"--device", "/dev/nbd0", "--host", host}).find("--port PORT --export"),
                  std::string::npos)
            << host;
    EXPECT_NE(problem({"--timeout", "0"}).find("from 1 to"), std::string::npos);
    EXPECT_NE(problem({"--dead-conn-timeout", "1h"}).find("not '1h'"), std::string::npos);
    EXPECT_NE(problem({"--name", "x"}).find("unknown option '--name'"), std::string::npos);
}

} // namespace
} // namespace bootview::nbd
