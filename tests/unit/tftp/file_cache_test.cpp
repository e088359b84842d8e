#include "tftp-bridge/tftp/file_cache.h"

#include "tests/support/temporary_directory.h"

#include <poll.h>

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <map>
#include <optional>
#include <set>
#include <thread>

namespace bootview::tftp {
namespace {

constexpr std::size_t chunk = chunk_bytes;

class FileCacheTest : public testing::Test {
protected:
    void turn() {
        std::vector<pollfd> waiting;
        for (const int fd : cache.fds())
            waiting.push_back({fd, POLLIN, 0});
        ASSERT_GT(poll(waiting.data(), waiting.size(), 60'000), 0) << "nothing was completed";
        cache.run_completed();
    }
    std::shared_ptr<CachedFile> open(const std::string& name, Mode mode = Mode::octet) {
        const auto id = ++last_id;
        cache.open(root, name, mode, id);
        while (!opened.contains(id))
            turn();
        auto* file = std::get_if<std::shared_ptr<CachedFile>>(&opened.at(id));
        auto result = file ? *file : nullptr;
        opened.erase(id);
        return result;
    }
    // The first byte at `offset`, read if it has to be; nothing if the file has failed.
    std::optional<std::byte> byte_at(CachedFile& file, std::uint64_t offset) {
        while (file.resident(offset).empty()) {
            if (file.state() != ReadResult::ok)
                return std::nullopt;
            called.erase(7);
            if (!file.request(offset, 7))
                while (!called.contains(7))
                    turn();
        }
        return file.resident(offset)[0];
    }
    void a_file_that_fails_is_opened_anew() {
        const auto path = directory.write("file", std::string(4 * chunk, 'o'));
        ages(path);
        const auto old_file = open("file");
        EXPECT_EQ(byte_at(*old_file, 0), std::byte{'o'});
        std::filesystem::resize_file(path, 100);
        // Not the next one: what a thread reads, and one does as soon as the kernel would have to
        // wait, is half of what may be in memory.
        EXPECT_EQ(byte_at(*old_file, 3 * chunk), std::nullopt);
        EXPECT_EQ(old_file->state(), ReadResult::changed);
        const auto new_file = open("file");
        EXPECT_EQ(new_file->length(), 100U);
        EXPECT_EQ(byte_at(*new_file, 0), std::byte{'o'});
    }
    // Files that were written just now may be written again unseen, and are shared with nobody.
    // False where a file system gives nothing to tell versions by.
    bool ages(const std::filesystem::path& file) {
        const auto enough = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (std::chrono::steady_clock::now() < enough) {
            if (!std::get<OpenFile>(root->open(file.filename())).version.empty())
                return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return false;
    }

    test::TemporaryDirectory directory;
    std::shared_ptr<const FileRoot> root = std::make_shared<FileRoot>(directory.path());
    std::map<std::uint64_t, FileCache::Opened> opened;
    std::set<std::uint64_t> called;
    std::uint64_t last_id = 100;
    FileCache cache{
        4 * chunk,
        {[this](std::uint64_t id, FileCache::Opened file) { opened.emplace(id, std::move(file)); },
         [this](std::uint64_t id) { called.insert(id); }}};
};

TEST_F(FileCacheTest, AFileThatManyFetchIsReadOnce) {
    if (!ages(directory.write("file", std::string(3 * chunk, 'x'))))
        GTEST_SKIP() << "files are not shared here";
    const auto first = open("file");
    for (int i = 0; i < 10; ++i) {
        const auto file = open("file");
        EXPECT_EQ(file, first);
        for (std::uint64_t at = 0; at < file->length(); at += 1000)
            EXPECT_EQ(byte_at(*file, at), std::byte{'x'});
    }
    EXPECT_EQ(cache.chunks_read(), 3U);
}

// A file system that opens nothing until the gate is opened.
std::promise<void> gate;
std::shared_future<void> gate_opened;

int open_root_behind_gate(const char* path) {
    gate_opened.wait();
    return RootCalls::system().open_root(path);
}

TEST_F(FileCacheTest, ThoseWhoAskBeforeAnOpeningBeginsShareIt) {
    gate = {};
    gate_opened = gate.get_future().share();
    directory.write("file", "new");
    const auto slow = std::make_shared<FileRoot>(
        directory.path(), false,
        RootCalls{open_root_behind_gate, RootCalls::system().open_beneath});
    // More than there are threads.
    constexpr std::uint64_t others = 40;
    for (std::uint64_t id = 0; id < others; ++id) {
        const auto name = "other" + std::to_string(id);
        directory.write(name, "");
        cache.open(slow, name, Mode::octet, id);
    }
    for (std::uint64_t id = others; id < others + 50; ++id)
        cache.open(root, "file", Mode::octet, id);
    gate.set_value();
    while (opened.size() < others + 50)
        turn();
    std::set<CachedFile*> files;
    for (std::uint64_t id = others; id < others + 50; ++id)
        files.insert(std::get<std::shared_ptr<CachedFile>>(opened.at(id)).get());
    EXPECT_EQ(files.size(), 1U);
    opened.clear();
}

TEST_F(FileCacheTest, AnotherVersionIsAnotherFile) {
    ages(directory.write("file", "old"));
    const auto old_file = open("file");
    directory.write("other", "new");
    std::filesystem::rename(directory.path() / "other", directory.path() / "file");
    const auto new_file = open("file");
    EXPECT_NE(new_file, old_file);
    EXPECT_EQ(byte_at(*old_file, 0), std::byte{'o'});
    EXPECT_EQ(byte_at(*new_file, 0), std::byte{'n'});
}

TEST_F(FileCacheTest, AFileJustWrittenIsSharedWithNobody) {
    // Until both were opened while it was still new, however busy the machine is.
    for (int i = 0; i < 1000; ++i) {
        directory.write("file", "one");
        const auto first = open("file");
        const auto second = open("file");
        if (!std::get<OpenFile>(root->open("file")).version.empty())
            continue;
        EXPECT_NE(second, first) << "it may be written again without a difference that shows";
        return;
    }
    FAIL() << "a file that was written just now always has a version";
}

TEST_F(FileCacheTest, TextAndBytesAreNotMixedUp) {
    ages(directory.write("file", "\n"));
    const auto octet = open("file");
    const auto text = open("file", Mode::netascii);
    EXPECT_EQ(byte_at(*octet, 0), std::byte{'\n'});
    EXPECT_EQ(byte_at(*text, 0), std::byte{'\r'});
    EXPECT_EQ(octet->length(), 1U);
    EXPECT_EQ(text->length(), 2U);
}

TEST_F(FileCacheTest, MemoryIsBoundedHoweverManyFilesThereAre) {
    std::vector<std::shared_ptr<CachedFile>> files;
    for (int i = 0; i < 20; ++i) {
        const auto name = std::to_string(i);
        directory.write(name, std::string(2 * chunk, static_cast<char>('a' + i)));
        files.push_back(open(name));
    }
    for (int round = 0; round < 2; ++round)
        for (int i = 0; i < 20; ++i) {
            EXPECT_EQ(byte_at(*files[static_cast<std::size_t>(i)], chunk),
                      static_cast<std::byte>('a' + i));
            EXPECT_LE(cache.bytes(), 4 * chunk);
        }
    files.clear();
    EXPECT_EQ(cache.bytes(), 0U) << "what nobody sends is not kept";
}

TEST_F(FileCacheTest, WhatOneTransferAloneHasSentIsNotKept) {
    directory.write("file", std::string(10 * chunk, 'x'));
    const auto file = open("file");
    for (std::uint64_t at = 0; at < file->length(); at += chunk) {
        EXPECT_EQ(byte_at(*file, at), std::byte{'x'});
        file->move_on(at);
    }
    while (cache.chunks_read() < 10)
        turn();
    EXPECT_LE(cache.bytes(), 3 * chunk);
}

// Behind FUSE, or on another machine: every read is a thread's.
class ForeignFileTest : public FileCacheTest {
protected:
    ForeignFileTest() {
        root = std::make_shared<FileRoot>(directory.path(), false,
                                          RootCalls{RootCalls::system().open_root,
                                                    RootCalls::system().open_beneath,
                                                    [](int) { return false; }});
    }
    // Each chunk of another letter.
    std::string letters(std::size_t chunks) {
        std::string content;
        for (std::size_t i = 0; i < chunks; ++i)
            content.append(chunk, static_cast<char>('a' + i));
        return content;
    }
};

TEST_F(ForeignFileTest, IsReadAsItIs) {
    directory.write("file", letters(11) + "end");
    const auto file = open("file");
    for (std::uint64_t at = 0; at < file->length(); at += chunk / 2) {
        EXPECT_EQ(byte_at(*file, at),
                  static_cast<std::byte>(at < 11 * chunk ? 'a' + at / chunk : std::size_t{'e'}))
            << at;
        if (at % chunk == 0)
            file->move_on(at);
        EXPECT_LE(cache.bytes(), 4 * chunk);
    }
}

TEST_F(ForeignFileTest, SomeChunksAreReadAtATime) {
    directory.write("file", letters(4));
    const auto file = open("file");
    EXPECT_EQ(byte_at(*file, chunk), std::byte{'b'});
    EXPECT_FALSE(file->resident(2 * chunk).empty());
    EXPECT_TRUE(file->resident(3 * chunk).empty()) << "half of what may be in memory at a time";
}

TEST_F(ForeignFileTest, WhatWasReadBeforeItChangedIsNotSent) {
    const auto path = directory.write("file", letters(4));
    const auto file = open("file");
    std::filesystem::resize_file(path, chunk + 1);
    EXPECT_EQ(byte_at(*file, chunk), std::nullopt);
    EXPECT_EQ(file->state(), ReadResult::changed);
    EXPECT_TRUE(file->resident(chunk).empty());
}

TEST_F(FileCacheTest, AFileThatFailedIsOpenedAnewForTheNext) {
    a_file_that_fails_is_opened_anew();
}

TEST_F(ForeignFileTest, ThatFailedIsOpenedAnewForTheNext) {
    a_file_that_fails_is_opened_anew();
}

TEST_F(FileCacheTest, ATransferThatEndsDuringAReadIsNotMissed) {
    directory.write("file", std::string(chunk, 'x'));
    for (int i = 0; i < 100; ++i) {
        const auto file = open("file");
        file->request(0, 1);
    }
    const auto last = open("file");
    EXPECT_EQ(byte_at(*last, 0), std::byte{'x'});
}

} // namespace
} // namespace bootview::tftp
