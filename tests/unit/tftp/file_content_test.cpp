#include "tftp-bridge/tftp/file_content.h"

#include "tests/support/temporary_directory.h"

#include <unistd.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <numeric>

namespace bootview::tftp {
namespace {

using Result = ReadResult;

int read_error = 0; // what the next reads fail with, if not 0

ssize_t read_failing(int, void*, std::size_t, off_t) {
    errno = read_error;
    return -1;
}

ssize_t read_interrupted_and_short(int fd, void* buffer, std::size_t size, off_t offset) {
    static int calls = 0;
    if (++calls % 2) {
        errno = EINTR;
        return -1;
    }
    return pread(fd, buffer, std::min<std::size_t>(size, 701), offset);
}

int status_failing(int, struct stat*) {
    errno = ESTALE;
    return -1;
}

constexpr std::size_t chunk = chunk_bytes;

class FileContentTest : public testing::Test {
protected:
    // A file of `length` bytes, no two neighbours alike.
    OpenFile file(std::size_t length) {
        content.resize(length);
        std::iota(content.begin(), content.end(), '\0');
        path = directory.write("file", content);
        return std::get<OpenFile>(FileRoot(directory.path()).open("file"));
    }

    Result load(const FileContent& source, std::uint64_t index) {
        Chunk loaded;
        const auto result = source.load(index, loaded);
        bytes.assign(reinterpret_cast<const char*>(loaded.bytes.get()), loaded.size);
        return result;
    }

    test::TemporaryDirectory directory;
    std::filesystem::path path;
    std::string content;
    std::string bytes; // of the last chunk
};

TEST_F(FileContentTest, EveryChunkHoldsItsPartOfTheFile) {
    const FileContent source(file(2 * chunk + 5), Mode::octet);
    EXPECT_EQ(source.length(), 2 * chunk + 5);
    EXPECT_EQ(source.chunks(), 3U);
    for (std::uint64_t i = 0; i < 3; ++i) {
        EXPECT_EQ(source.chunk_at(source.start_of(i)), i);
        EXPECT_EQ(load(source, i), Result::ok);
        EXPECT_TRUE(bytes == content.substr(i * chunk, chunk));
    }
    EXPECT_EQ(FileContent(file(0), Mode::octet).chunks(), 0U);
}

TEST_F(FileContentTest, InterruptedAndShortReadsLoseNothing) {
    const FileContent source(file(1300), Mode::octet, {read_interrupted_and_short, fstat});
    EXPECT_EQ(load(source, 0), Result::ok);
    EXPECT_EQ(bytes, content);
}

TEST_F(FileContentTest, AFileReplacedUnderUsIsNotSentOn) {
    const FileContent source(file(1300), Mode::octet, {read_failing, fstat});
    read_error = ESTALE;
    EXPECT_EQ(load(source, 0), Result::changed);
    read_error = EIO;
    EXPECT_EQ(load(source, 0), Result::unreadable);
}

TEST_F(FileContentTest, AFileReplacedDuringTheReadIsNotSentOn) {
    const FileContent source(file(1300), Mode::octet, {pread, status_failing});
    EXPECT_EQ(load(source, 0), Result::changed);
    EXPECT_EQ(source.verify(), Result::changed);
}

TEST_F(FileContentTest, ATruncatedFileIsNotSentShort) {
    const FileContent source(file(2 * chunk), Mode::octet);
    std::filesystem::resize_file(path, chunk + 1);
    EXPECT_EQ(load(source, 1), Result::changed);
    EXPECT_EQ(load(source, 0), Result::changed);
    std::filesystem::resize_file(path, 0);
    EXPECT_EQ(load(source, 0), Result::changed);
}

TEST_F(FileContentTest, AFileWrittenInPlaceIsNotSentAsAMixture) {
    const FileContent source(file(2 * chunk), Mode::octet);
    EXPECT_EQ(load(source, 0), Result::ok);
    const auto before = std::filesystem::last_write_time(path);
    directory.write("file", std::string(2 * chunk, 'n'));
    std::filesystem::last_write_time(path, before + std::chrono::seconds(1));
    EXPECT_EQ(load(source, 1), Result::changed);
}

TEST_F(FileContentTest, AFileThatHasGrownIsAnotherFile) {
    const FileContent source(file(1300), Mode::octet);
    std::filesystem::resize_file(path, 1301);
    EXPECT_EQ(load(source, 0), Result::changed);
}

// All that arrives, chunk by chunk.
std::string all_of(FileContent& source) {
    EXPECT_EQ(source.prepare(), Result::ok);
    std::string all;
    for (std::uint64_t i = 0; i < source.chunks(); ++i) {
        EXPECT_EQ(source.start_of(i), all.size());
        Chunk loaded;
        EXPECT_EQ(source.load(i, loaded), Result::ok);
        all.append(reinterpret_cast<const char*>(loaded.bytes.get()), loaded.size);
    }
    return all;
}

TEST_F(FileContentTest, TextIsAsLongAsItBecomesOnTheWire) {
    path = directory.write("file", "a\nb\rc");
    FileContent source(std::get<OpenFile>(FileRoot(directory.path()).open("file")), Mode::netascii);
    EXPECT_EQ(all_of(source), std::string("a\r\nb\r\0c", 7));
    EXPECT_EQ(source.length(), 7U);
}

TEST_F(FileContentTest, LongTextIsReadInPartsThatFit) {
    std::string expected;
    content.clear();
    for (std::size_t i = 0; content.size() < 3 * chunk; ++i) {
        const auto line = std::to_string(i * i);
        content += line + '\n';
        expected += line + "\r\n";
    }
    directory.write("file", content);
    FileContent source(std::get<OpenFile>(FileRoot(directory.path()).open("file")), Mode::netascii);
    EXPECT_TRUE(all_of(source) == expected);
    EXPECT_EQ(source.length(), expected.size());
    for (std::uint64_t offset = 0; offset < source.length(); offset += 1009) {
        const auto index = source.chunk_at(offset);
        EXPECT_LE(source.start_of(index), offset);
        EXPECT_TRUE(index + 1 == source.chunks() || offset < source.start_of(index + 1));
    }
}

TEST_F(FileContentTest, TextThatIsRewrittenWithinOneTickOfTheClockIsNoticedByItsLength) {
    directory.write("file", "a\nb");
    FileContent source(std::get<OpenFile>(FileRoot(directory.path()).open("file")), Mode::netascii);
    EXPECT_EQ(source.prepare(), Result::ok);
    const auto before = std::filesystem::last_write_time(directory.path() / "file");
    directory.write("file", "\n\nb");
    std::filesystem::last_write_time(directory.path() / "file", before);
    EXPECT_EQ(load(source, 0), Result::changed);
}

} // namespace
} // namespace bootview::tftp
