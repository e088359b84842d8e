// Promise P3: a fuse-fatimg that hangs or dies costs the NBD clients nothing. If this fails, a
// stuck view on the server freezes the root file system of every machine it serves.
#include "common/descriptor.h"
#include "tests/support/fat_writer.h"
#include "tests/support/image_builder.h"
#include "tests/support/serving_stack.h"
#include "tests/support/versioned_content.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <libnbd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using bootview::Descriptor;
using namespace bootview::test;
using namespace std::chrono_literals;

namespace {

// Writes 4 KiB blocks into a region of the FAT partition that no file uses, and keeps the time
// that each took.
class WriteLoad {
public:
    explicit WriteLoad(const std::string& uri) : thread_([this, uri] { run(uri); }) {}
    ~WriteLoad() { stop(); }
    void stop() {
        stop_ = true;
        if (thread_.joinable())
            thread_.join();
    }
    std::uint64_t failed() const { return failed_; }
    std::uint64_t done() const { return done_; }
    // The slowest of the requests that ended since the last call, in ms.
    double take_slowest() { return static_cast<double>(slowest_ns_.exchange(0)) / 1e6; }

private:
    void run(const std::string& uri) {
        nbd_handle* nbd = ::nbd_create();
        if (::nbd_connect_uri(nbd, uri.c_str()) != 0) {
            ++failed_;
            return;
        }
        const std::vector<char> block(4096, 'x');
        for (std::uint64_t i = 0; !stop_; ++i) {
            const auto begin = std::chrono::steady_clock::now();
            const std::uint64_t at = fat_partition_offset + (24 << 20) + i % 1024 * block.size();
            if (::nbd_pwrite(nbd, block.data(), block.size(), at, 0) != 0)
                ++failed_;
            const auto took = (std::chrono::steady_clock::now() - begin).count();
            if (took > slowest_ns_)
                slowest_ns_ = took;
            ++done_;
        }
        ::nbd_shutdown(nbd, 0);
        ::nbd_close(nbd);
    }

    std::atomic<bool> stop_{false};
    std::atomic<std::uint64_t> failed_{0};
    std::atomic<std::uint64_t> done_{0};
    std::atomic<std::int64_t> slowest_ns_{0};
    std::thread thread_;
};

TEST(ClientComesFirst, AStoppedOrKilledViewDelaysAndFailsNoWrite) {
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
    ASSERT_EQ(stack.mode(), "attached") << stack.logs();
    ASSERT_EQ(read_file(stack.mount() + "/kernel8.img").size(), old_content.size());
    WriteLoad load{stack.uri()};
    const auto measure = [&](const char* what) {
        load.take_slowest();
        const std::uint64_t before = load.done();
        std::this_thread::sleep_for(2s);
        // On a busy machine they may take longer.
        for (int i = 0; i < 300 && load.done() - before <= 100; ++i)
            std::this_thread::sleep_for(100ms);
        const std::uint64_t during = load.done() - before;
        fmt::print("  {:<28} {:>8} writes, the slowest {:.2f} ms\n", what, during,
                   load.take_slowest());
        // Not a matter of speed: a server that waited for the view would do none, or a handful.
        EXPECT_GT(during, 100U) << what;
    };
    measure("view running");

    stack.view().signal(SIGSTOP);
    measure("view stopped (SIGSTOP)");
    FatWriter writer{stack.uri(), fat_partition_offset};
    const auto new_content = make_content(0, 2, 65536 + 512);
    writer.replace("kernel8.img", new_content);
    stack.view().signal(SIGCONT);
    const std::string seen = read_file(stack.mount() + "/kernel8.img");
    const Verdict verdict = judge_content(std::as_bytes(std::span{seen}));
    EXPECT_TRUE(verdict.whole && verdict.version == 2) << verdict.problem;

    stack.view().signal(SIGKILL);
    measure("view killed (SIGKILL)");
    stack.unmount();
    measure("view gone");
    writer.replace("kernel8.img", make_content(0, 3, 65536));
    stack.start_view();
    EXPECT_EQ(stack.mode(), "attached") << stack.logs();
    const std::string again = read_file(stack.mount() + "/kernel8.img");
    EXPECT_EQ(judge_content(std::as_bytes(std::span{again})).version, 3U);
    measure("view running again");

    load.stop();
    EXPECT_EQ(load.failed(), 0U);
    EXPECT_TRUE(stack.nbd().running()) << stack.logs();
}

// The server's restart is the view's affair alone: attached, polling, attached, right all the time.
TEST(ClientComesFirst, AViewOutlivesItsServer) {
    if (!can_mount())
        GTEST_SKIP() << "needs /dev/fuse";
    const TemporaryDirectory directory;
    const std::string image = directory / "disk.img";
    build_image(image, {.fat_bits = 16, .fat_mebibytes = 32});
    add_to_image(image, "cmdline.txt", "first\n");
    ServingStack stack{image};
    stack.start_view();
    EXPECT_EQ(stack.mode(), "poll");
    EXPECT_EQ(read_file(stack.mount() + "/cmdline.txt"), "first\n");
    add_to_image(image, "cmdline.txt", "second\n");
    EXPECT_EQ(read_file(stack.mount() + "/cmdline.txt"), "second\n");

    for (std::uint64_t version = 1; version <= 3; ++version) {
        stack.start_nbd();
        for (int i = 0; i < 1000 && stack.mode() != "attached"; ++i)
            std::this_thread::sleep_for(10ms);
        ASSERT_EQ(stack.mode(), "attached") << stack.logs();
        {
            FatWriter writer{stack.uri(), fat_partition_offset};
            writer.replace("cmdline.txt", make_content(0, version, 8192));
        }
        const std::string seen = read_file(stack.mount() + "/cmdline.txt");
        EXPECT_EQ(judge_content(std::as_bytes(std::span{seen})).version, version);
        stack.nbd().signal(SIGKILL);
        stack.nbd().wait(10s);
        const std::string after = read_file(stack.mount() + "/cmdline.txt");
        EXPECT_EQ(judge_content(std::as_bytes(std::span{after})).version, version);
    }
}

// A transfer takes as long as the client wants; a server's restart meanwhile is no reason to end
// it, unless something may have been written that nobody has heard of.
class AnOpenFile : public ::testing::Test {
protected:
    // `age` of the image, as its times say it.
    void begin(std::chrono::seconds age) {
        if (!can_mount())
            GTEST_SKIP() << "needs /dev/fuse";
        build_image(image_, {.fat_bits = 16, .fat_mebibytes = 32});
        content_ = as_text(make_content(0, 1, 8 << 20));
        add_to_image(image_, "initrd", content_);
        last_written(age);
        stack_.start_view();
        ASSERT_NO_FATAL_FAILURE(wait_for("poll"));
        open_ = Descriptor{::open((stack_.mount() + "/initrd").c_str(), O_RDONLY | O_CLOEXEC)};
        ASSERT_TRUE(open_);
        ASSERT_EQ(read_next(), 0);
    }
    void last_written(std::chrono::seconds age) {
        const timespec then{::time(nullptr) - age.count(), 0};
        const std::array<timespec, 2> times{then, then};
        ASSERT_EQ(::utimensat(AT_FDCWD, image_.c_str(), times.data(), 0), 0);
    }
    // Of which the times tell nothing but that they are others.
    void write_past_everybody() {
        add_to_image(image_, "other", "x");
        last_written(1h);
    }
    void attach() {
        stack_.start_nbd();
        wait_for("attached");
    }
    // By what the view logs: whoever asks the mount makes it look at the image.
    void wait_for(const std::string& mode) {
        const std::string word = mode == "attached" ? ": attached to " : ": polling ";
        for (int i = 0; i < 1000; ++i) {
            std::string logs = stack_.logs();
            logs.erase(0, logs.find("--- view.log"));
            if (const auto found = logs.find(word, heard_); found != std::string::npos) {
                heard_ = found + word.size();
                return;
            }
            std::this_thread::sleep_for(10ms);
        }
        FAIL() << "never " << mode << ": " << stack_.logs();
    }
    // Errno; what was read has to be right. From a place that the kernel has not read ahead.
    int read_next() {
        std::string data(4096, 0);
        const ssize_t got = ::pread(open_.get(), data.data(), data.size(), at_);
        if (got < 0)
            return errno;
        EXPECT_EQ(data, content_.substr(static_cast<std::size_t>(at_), data.size()));
        at_ += 1 << 20;
        return 0;
    }

    TemporaryDirectory directory_;
    std::string image_ = directory_ / "disk.img";
    ServingStack stack_{image_};
    std::string content_;
    std::size_t heard_ = 0; // of the view's log
    Descriptor open_;
    off_t at_ = 0;
};

TEST_F(AnOpenFile, OutlivesTheServersStartAndRestart) {
    ASSERT_NO_FATAL_FAILURE(begin(1h));
    for (int i = 0; i < 2; ++i) {
        ASSERT_NO_FATAL_FAILURE(attach());
        EXPECT_EQ(read_next(), 0);
        stack_.nbd().signal(SIGKILL);
        stack_.nbd().wait(10s);
        ASSERT_NO_FATAL_FAILURE(wait_for("poll"));
        EXPECT_EQ(read_next(), 0);
    }
}

TEST_F(AnOpenFile, EndsWhereAWriteCanHaveBeenMissed) {
    ASSERT_NO_FATAL_FAILURE(begin(1h));
    ASSERT_NO_FATAL_FAILURE(write_past_everybody());
    ASSERT_NO_FATAL_FAILURE(attach());
    EXPECT_EQ(read_next(), ESTALE);
}

TEST_F(AnOpenFile, EndsWhereOneWasSeenWhileNobodyPublished) {
    ASSERT_NO_FATAL_FAILURE(begin(1h));
    ASSERT_NO_FATAL_FAILURE(write_past_everybody());
    EXPECT_EQ(read_next(), 0);
    ASSERT_NO_FATAL_FAILURE(attach());
    EXPECT_EQ(read_next(), ESTALE);
}

TEST_F(AnOpenFile, EndsWhereOneCanHaveBeenUnderWay) {
    ASSERT_NO_FATAL_FAILURE(begin(5s));
    ASSERT_NO_FATAL_FAILURE(attach());
    EXPECT_EQ(read_next(), ESTALE);
}

TEST_F(AnOpenFile, EndsWhereItWasWrittenAfterTheServerDied) {
    ASSERT_NO_FATAL_FAILURE(begin(1h));
    ASSERT_NO_FATAL_FAILURE(attach());
    ASSERT_EQ(read_next(), 0);
    stack_.view().signal(SIGSTOP);
    siginfo_t stopped{}; // all of its threads, or one of them would hear of the server's end
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(stack_.view().pid()), &stopped, WSTOPPED), 0);
    stack_.nbd().signal(SIGKILL);
    stack_.nbd().wait(10s);
    ASSERT_NO_FATAL_FAILURE(write_past_everybody());
    stack_.view().signal(SIGCONT);
    ASSERT_NO_FATAL_FAILURE(wait_for("poll"));
    EXPECT_EQ(read_next(), ESTALE);
}

} // namespace
