#include "tftp-bridge/tftp/block_source.h"

#include "tests/support/temporary_directory.h"

#include <unistd.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <numeric>

namespace bootview::tftp {
namespace {

using Result = BlockSource::Result;

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
    return pread(fd, buffer, std::min<std::size_t>(size, 7), offset);
}

int status_failing(int, struct stat*) {
    errno = ESTALE;
    return -1;
}

class BlockSourceTest : public testing::Test {
protected:
    // A file of `length` bytes, no two neighbours alike.
    OpenFile file(std::size_t length) {
        content.resize(length);
        std::iota(content.begin(), content.end(), '\0');
        path = directory.write("file", content);
        return std::get<OpenFile>(FileRoot(directory.path()).open("file"));
    }

    Result read(const BlockSource& source, std::uint64_t first, std::uint32_t count) {
        buffer.assign(std::size_t{count} * source.block_size(), std::byte{0xee});
        return source.read(first, count, buffer);
    }

    void expect_bytes(std::size_t from, std::size_t length) {
        ASSERT_LE(length, buffer.size());
        for (std::size_t i = 0; i < length; ++i)
            ASSERT_EQ(buffer[i], static_cast<std::byte>(content[from + i]));
    }

    test::TemporaryDirectory directory;
    std::filesystem::path path;
    std::string content;
    std::vector<std::byte> buffer;
};

TEST_F(BlockSourceTest, EveryBlockHoldsItsPartOfTheFile) {
    const BlockSource source(file(1300), 512);
    EXPECT_EQ(read(source, 1, 2), Result::ok);
    expect_bytes(0, 1024);
    EXPECT_EQ(read(source, 2, 2), Result::ok);
    expect_bytes(512, 788);
    EXPECT_EQ(source.bytes_in(1), 512U);
    EXPECT_EQ(source.bytes_in(3), 276U);
}

TEST_F(BlockSourceTest, EmptyFilesAndFullBlocksEndWithAnEmptyBlock) {
    const BlockSource empty(file(0), 512);
    EXPECT_EQ(empty.bytes_in(1), 0U);
    EXPECT_EQ(read(empty, 1, 1), Result::ok);
    const BlockSource full(file(1024), 512);
    EXPECT_EQ(full.bytes_in(3), 0U);
    EXPECT_EQ(read(full, 3, 1), Result::ok);
}

TEST_F(BlockSourceTest, InterruptedAndShortReadsLoseNothing) {
    const BlockSource source(file(1300), 512, {read_interrupted_and_short, fstat});
    EXPECT_EQ(read(source, 1, 3), Result::ok);
    expect_bytes(0, 1300);
}

TEST_F(BlockSourceTest, AFileReplacedUnderUsIsNotSentOn) {
    const BlockSource source(file(1300), 512, {read_failing, fstat});
    read_error = ESTALE;
    EXPECT_EQ(read(source, 1, 1), Result::changed);
    read_error = EIO;
    EXPECT_EQ(read(source, 1, 1), Result::unreadable);
}

TEST_F(BlockSourceTest, AFileReplacedBehindItsLastReadIsNotFinished) {
    const BlockSource source(file(1300), 512, {pread, status_failing});
    EXPECT_EQ(read(source, 1, 2), Result::ok);
    EXPECT_EQ(read(source, 3, 1), Result::changed);
}

TEST_F(BlockSourceTest, ATruncatedFileIsNotSentShort) {
    const BlockSource source(file(1300), 512);
    std::filesystem::resize_file(path, 600);
    EXPECT_EQ(read(source, 1, 1), Result::ok);
    EXPECT_EQ(read(source, 2, 1), Result::changed);
    EXPECT_EQ(read(source, 3, 1), Result::changed);
}

TEST_F(BlockSourceTest, AFileTruncatedByItsEmptyLastBlockIsNoticed) {
    const BlockSource source(file(1024), 512);
    std::filesystem::resize_file(path, 0);
    EXPECT_EQ(read(source, 3, 1), Result::changed);
}

TEST_F(BlockSourceTest, AFileWrittenInPlaceIsNotSentAsAMixture) {
    const BlockSource source(file(1300), 512);
    EXPECT_EQ(read(source, 1, 1), Result::ok);
    const auto before = std::filesystem::last_write_time(path);
    directory.write("file", std::string(1300, 'n'));
    std::filesystem::last_write_time(path, before + std::chrono::seconds(1));
    EXPECT_EQ(read(source, 2, 2), Result::changed);
}

TEST_F(BlockSourceTest, AFileThatHasGrownIsAnotherFile) {
    const BlockSource source(file(1300), 512);
    std::filesystem::resize_file(path, 1301);
    EXPECT_EQ(read(source, 3, 1), Result::changed);
}

} // namespace
} // namespace bootview::tftp
