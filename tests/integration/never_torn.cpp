// Promise P2: what is read through one open file is of exactly one version of it, or the read fails
// with ESTALE; what TFTP delivers in full is one version. If this fails, a client boots half an old
// kernel and half a new one, with no error anywhere.
//
// A writer replaces files through NBD as fast as it can, by overwriting, by truncating and
// rewriting, and by rename, on a volume where freed clusters are used again at once. Readers read
// through the mount in chunks of four sizes, and by TFTP.
//
//     BOOTVIEW_TEST_SECONDS=120 never_torn          the long run
//
// To see it fail, build without the check at the end of a read, and run it again:
//
//     cmake --preset release -DBOOTVIEW_FAULT=NO_END_CHECK && cmake --build --preset release
//     build/release/tests/integration/never_torn    (then -DBOOTVIEW_FAULT= to put it right)
#include "tests/support/fat_writer.h"
#include "tests/support/image_builder.h"
#include "tests/support/serving_stack.h"
#include "tests/support/tftp_fetch.h"
#include "tests/support/versioned_content.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace bootview::test;

namespace {

constexpr std::size_t largest = 1024 * 1024;
constexpr std::size_t overwritten_size = 128 * 1024; // one NBD write, and one FUSE request
const std::array<std::string, 4> names{"overwrit.bin", "truncate.bin", "rename.bin", "mixed.bin"};

int seconds() {
    const char* value = std::getenv("BOOTVIEW_TEST_SECONDS");
    return value != nullptr ? std::atoi(value) : 10;
}

struct Count {
    std::string reader;
    std::atomic<std::uint64_t> whole{0}; // exactly one version
    std::atomic<std::uint64_t> empty{0}; // truncated, not yet rewritten: a version too
    std::atomic<std::uint64_t> stale{0}; // ended in ESTALE, or in a TFTP ERROR
    std::atomic<std::uint64_t> other{0}; // any other error
    std::atomic<std::uint64_t> torn{0};
};

class Findings {
public:
    void torn(const std::string& what) {
        const std::scoped_lock lock{mutex_};
        if (first_.empty())
            first_ = what;
    }
    const std::string& first() const { return first_; }

private:
    std::mutex mutex_;
    std::string first_;
};

void judge(const std::string& name, std::span<const std::byte> data, Count& count,
           Findings& findings) {
    if (data.empty()) {
        ++count.empty;
        return;
    }
    const Verdict verdict = judge_content(data);
    if (verdict.whole && names.at(verdict.file) == name) {
        ++count.whole;
        return;
    }
    ++count.torn;
    findings.torn(fmt::format("{} by {}: {}", name, count.reader,
                              verdict.whole ? "another file's content" : verdict.problem));
}

void read_by_mount(const std::string& mount, const std::string& name, std::size_t chunk, int flags,
                   Count& count, Findings& findings) {
    const int fd = ::open((mount + "/" + name).c_str(), O_RDONLY | O_CLOEXEC | flags);
    int error = fd < 0 ? errno : 0;
    std::vector<std::byte> data;
    std::vector<std::byte> buffer(chunk);
    while (error == 0) {
        const ssize_t n = ::read(fd, buffer.data(), buffer.size());
        if (n < 0)
            error = errno;
        if (n <= 0)
            break;
        data.insert(data.end(), buffer.begin(), buffer.begin() + n);
    }
    if (fd >= 0)
        ::close(fd);
    if (error == ESTALE)
        ++count.stale;
    else if (error != 0)
        ++count.other;
    else
        judge(name, data, count, findings);
}

void read_by_tftp(std::uint16_t port, const std::string& name, Count& count, Findings& findings) {
    const Fetched fetched = tftp_fetch(port, name);
    if (fetched.complete)
        judge(name, fetched.data, count, findings);
    else if (fetched.error_code >= 0)
        ++count.stale;
    else
        ++count.other;
}

class NeverTorn : public testing::TestWithParam<int> {};

TEST_P(NeverTorn, EveryCompletedReadIsExactlyOneVersion) {
    if (!can_mount())
        GTEST_SKIP() << "needs /dev/fuse";
    const bool fat32 = GetParam() == 32;
    const TemporaryDirectory directory;
    const std::string image = directory / "disk.img";
    build_image(image, {.fat_bits = GetParam(),
                        .fat_mebibytes = fat32 ? 128U : 32U,
                        .sectors_per_cluster = fat32 ? 2U : 8U});
    for (std::uint32_t i = 0; i < names.size(); ++i) {
        const auto content = make_content(i, 0, i == 0 ? overwritten_size : largest);
        add_to_image(image, names[i], as_text(content));
    }
    ServingStack stack{image};
    stack.start_all();
    ASSERT_EQ(stack.mode(), "attached") << stack.logs();
    FatWriter writer{stack.uri(), fat_partition_offset};
    if (!fat32) // nearly full: what is freed is taken again at once
        writer.leave_free(static_cast<std::uint32_t>(largest * 3 / 2 / writer.cluster_size()));

    std::atomic<bool> done{false};
    std::array<Count, 6> counts;
    Findings findings;
    std::vector<std::thread> readers;
    constexpr std::array<std::size_t, 4> chunks{512, 4096, 128 * 1024, 1024 * 1024};
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        counts[i].reader = fmt::format("read, {} B", chunks[i]);
        readers.emplace_back([&, i] {
            for (std::size_t round = i; !done; ++round)
                read_by_mount(stack.mount(), names[round % names.size()], chunks[i], 0, counts[i],
                              findings);
        });
    }
    counts[4].reader = "TFTP";
    readers.emplace_back([&] {
        for (std::size_t round = 0; !done; ++round)
            read_by_tftp(stack.tftp_port(), names[round % names.size()], counts[4], findings);
    });

    // Past the page cache, and only the file that is overwritten in place: every one of these reads
    // is a request of its own that races with a write.
    counts[5].reader = "read, O_DIRECT";
    readers.emplace_back([&] {
        while (!done)
            read_by_mount(stack.mount(), names[0], 128 * 1024, O_DIRECT, counts[5], findings);
    });

    // Made beforehand, so that the writer does nothing but write. Versions repeat, which no reader
    // minds: what it must not find is two of them in one file.
    std::mt19937 random{20'260'101};
    std::array<std::vector<std::vector<std::byte>>, names.size()> contents;
    std::uint64_t version = 0;
    for (std::uint32_t file = 0; file < names.size(); ++file)
        for (int i = 0; i < 32; ++i) {
            // Small ones, too: they are read in a single request, which may be torn by itself.
            const std::size_t size = i % 2 == 0 ? content_block * (1 + random() % 256)
                                                : content_block * (1 + random() % 2048);
            contents[file].push_back(
                make_content(file, ++version, file == 0 ? overwritten_size : size));
        }

    std::uint64_t written = 0;
    // And longer on a busy machine, until each reader has got to the end of a file.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{seconds()};
    const auto at_the_latest = end + std::chrono::minutes{1};
    const auto goes_on = [&] {
        const auto now = std::chrono::steady_clock::now();
        return now < end || (now < at_the_latest &&
                             std::any_of(counts.begin(), counts.end(),
                                         [](const Count& count) { return count.whole == 0; }));
    };
    while (goes_on()) {
        const std::size_t file = random() % names.size();
        for (int burst = file == 0 ? 32 : 2; burst > 0; --burst) {
            const auto& content = contents[file][random() % contents[file].size()];
            const std::size_t how = file == 3 ? 1 + random() % 2 : file;
            if (how == 0)
                writer.overwrite(names[file], content);
            else if (how == 1)
                writer.truncate_and_rewrite(names[file], content);
            else
                writer.replace(names[file], content);
            ++written;
        }
        if (random() % 64 == 0) // so that slow readers get to an end now and then
            std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    done = true;
    for (std::thread& reader : readers)
        reader.join();

    fmt::print("FAT{}{}: {} versions written in {} s\n", GetParam(), fat32 ? "" : ", nearly full",
               written, seconds());
    for (const Count& count : counts) {
        fmt::print("  {:<15} {:>8} whole {:>8} empty {:>8} ESTALE/ERROR {:>6} other errors "
                   "{:>4} torn\n",
                   count.reader, count.whole.load(), count.empty.load(), count.stale.load(),
                   count.other.load(), count.torn.load());
        EXPECT_EQ(count.torn, 0U) << findings.first();
        EXPECT_GT(count.whole, 0U) << count.reader << " never got to the end of a file";
    }
    EXPECT_TRUE(stack.nbd().running() && stack.view().running() && stack.tftp().running())
        << stack.logs();
}

INSTANTIATE_TEST_SUITE_P(Fat, NeverTorn, testing::Values(16, 32),
                         [](const auto& p) { return fmt::format("FAT{}", p.param); });

} // namespace
