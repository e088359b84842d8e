// Promise P1: once the NBD server has replied to a write, the mount and TFTP show it. If this
// fails, a client boots the kernel that it has just replaced.
#include "common/descriptor.h"
#include "tests/support/fat_writer.h"
#include "tests/support/image_builder.h"
#include "tests/support/serving_stack.h"
#include "tests/support/tftp_fetch.h"
#include "tests/support/versioned_content.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace bootview::test;

namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span{text});
}

int rounds() {
    if (const char* value = std::getenv("BOOTVIEW_TEST_ROUNDS"))
        return std::atoi(value);
    // Sanitizers look for other things than one miss in thousands.
    return built_with_a_sanitizer() ? 1000 : 10'000;
}

class VisibleAtOnceOn : public testing::TestWithParam<int> {};

TEST_P(VisibleAtOnceOn, EveryReadAfterTheReplyGivesTheNewVersion) {
    if (!can_mount())
        GTEST_SKIP() << "needs /dev/fuse";
    const TemporaryDirectory directory;
    const std::string image = directory / "disk.img";
    build_image(image, {.fat_bits = GetParam(),
                        .fat_mebibytes = GetParam() == 32 ? 80U : 32U,
                        .sectors_per_cluster = GetParam() == 32 ? 1U : 4U});
    constexpr std::size_t small = 16 * 1024;
    constexpr std::size_t large = 1024 * 1024;
    for (const auto& [name, size] : {std::pair{"cmdline.txt", small}, {"kernel8.img", large}}) {
        const auto content = make_content(0, 0, size);
        add_to_image(image, name, as_text(content));
    }
    ServingStack stack{image};
    stack.start_all();
    ASSERT_EQ(stack.mode(), "attached") << stack.logs();
    FatWriter writer{stack.uri(), fat_partition_offset};

    int stale = 0;
    int torn = 0;
    const int count = rounds();
    for (int round = 1; round <= count; ++round) {
        const bool is_large = round % 50 == 0;
        const std::string name = is_large ? "kernel8.img" : "cmdline.txt";
        const std::size_t size = is_large ? large : small + content_block * (round % 3);
        const auto content = make_content(is_large, static_cast<std::uint64_t>(round), size);
        if (round % 2 == 0)
            writer.replace(name, content);
        else
            writer.truncate_and_rewrite(name, content);

        struct stat status {};
        const std::string path = stack.mount() + "/" + name;
        ASSERT_EQ(::stat(path.c_str(), &status), 0);
        stale += static_cast<std::size_t>(status.st_size) != size ? 1 : 0;

        const Verdict mounted = judge_content(bytes_of(read_file(path)));
        const Fetched fetched = tftp_fetch(stack.tftp_port(), name);
        ASSERT_TRUE(fetched.complete) << fetched.problem << "\n" << stack.logs();
        const Verdict by_tftp = judge_content(fetched.data);
        for (const auto& [way, verdict] : {std::pair{"mount", mounted}, {"TFTP", by_tftp}}) {
            const bool is_new = verdict.version == static_cast<std::uint64_t>(round);
            torn += verdict.whole ? 0 : 1;
            stale += is_new ? 0 : 1;
            if (!verdict.whole || !is_new)
                fmt::print("round {}, by {}: version {}, {}\n", round, way, verdict.version,
                           verdict.whole ? "whole" : "torn");
        }
    }
    fmt::print("FAT{}: {} rounds of write, stat, read and TFTP fetch: {} stale, {} torn\n",
               GetParam(), count, stale, torn);
    EXPECT_EQ(stale, 0);
    EXPECT_EQ(torn, 0);
}

// What was read before lies in the kernel's cache under the old version's number. It leaves the
// cache by itself; nobody who holds an old file open reads the old version for ever.
TEST(VisibleAtOnce, AFileOpenSinceBeforeTheChangeBecomesStaleByItself) {
    if (!can_mount())
        GTEST_SKIP() << "needs /dev/fuse";
    const TemporaryDirectory directory;
    const std::string image = directory / "disk.img";
    build_image(image, {.fat_bits = 16, .fat_mebibytes = 32});
    const auto old_content = make_content(0, 1, 65536);
    add_to_image(image, "kernel8.img", as_text(old_content));
    ServingStack stack{image};
    stack.start_nbd();
    stack.start_view();
    FatWriter writer{stack.uri(), fat_partition_offset};

    const bootview::Descriptor file{
        ::open((stack.mount() + "/kernel8.img").c_str(), O_RDONLY | O_CLOEXEC)};
    std::vector<std::byte> data(old_content.size());
    ASSERT_EQ(::pread(file.get(), data.data(), data.size(), 0), ssize_t{65536});
    writer.overwrite("kernel8.img", make_content(0, 2, 65536));
    ssize_t got = 0;
    for (int i = 0; i < 3000 && got >= 0; ++i) {
        got = ::pread(file.get(), data.data(), data.size(), 0);
        if (got >= 0) { // as long as it is served at all, it is whole and the old one
            const Verdict verdict =
                judge_content(std::span{data}.first(static_cast<std::size_t>(got)));
            EXPECT_TRUE(verdict.whole && verdict.version == 1) << verdict.problem;
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
    }
    EXPECT_EQ(got, -1);
    EXPECT_EQ(errno, ESTALE);
}

INSTANTIATE_TEST_SUITE_P(Fat, VisibleAtOnceOn, testing::Values(16, 32),
                         [](const auto& p) { return fmt::format("FAT{}", p.param); });

} // namespace
