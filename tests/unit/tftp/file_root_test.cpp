#include "tftp-bridge/tftp/file_root.h"

#include "tests/support/temporary_directory.h"
#include "tftp-bridge/tftp/start_error.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <gtest/gtest.h>

#include <cerrno>

namespace bootview::tftp {
namespace {

// Lets the first calls fail, as a file system does whose content or mount is replaced under us.
int failures_left = 0;
int failure = 0;
int roots_opened = 0;

int open_root_counting(const char* path) {
    ++roots_opened;
    return RootCalls::system().open_root(path);
}

int open_beneath_failing(int root, const char* name) {
    if (failures_left > 0) {
        --failures_left;
        errno = failure;
        return -1;
    }
    return RootCalls::system().open_beneath(root, name);
}

constexpr RootCalls failing_calls{open_root_counting, open_beneath_failing};

class FileRootTest : public testing::Test {
protected:
    // 0xffff: it was opened.
    static std::uint16_t code(const std::variant<OpenFile, Refusal>& result) {
        const auto* refusal = std::get_if<Refusal>(&result);
        return refusal ? static_cast<std::uint16_t>(refusal->code) : 0xffff;
    }
    std::uint16_t open(const std::string& name) { return code(root.open(name)); }

    static constexpr std::uint16_t opened = 0xffff;
    static constexpr std::uint16_t not_found = 1;
    static constexpr std::uint16_t denied = 2;

    test::TemporaryDirectory outside;
    test::TemporaryDirectory directory;
    FileRoot root{directory.path()};
};

TEST_F(FileRootTest, FilesAndTheirSizesAreFound) {
    directory.write("sub/file", "12345");
    auto result = root.open("sub/file");
    ASSERT_EQ(code(result), opened);
    EXPECT_EQ(std::get<OpenFile>(result).length, 5U);
}

TEST_F(FileRootTest, NoNameLeadsOutOfTheRoot) {
    outside.write("secret", "secret");
    const auto neighbour = outside.path().filename().string();
    directory.write("sub/file", "");
    for (const auto& name : {"../" + neighbour + "/secret", "sub/../../" + neighbour + "/secret",
                             std::string("../../../../../../../../etc/passwd"), std::string("..")})
        EXPECT_EQ(open(name), denied) << name;
    EXPECT_EQ(open("sub/../sub/file"), opened) << "but .. inside the root is fine";
}

TEST_F(FileRootTest, NoSymbolicLinkLeadsOutOfTheRoot) {
    const auto secret = outside.write("secret", "secret");
    std::filesystem::create_symlink(secret, directory.path() / "absolute");
    std::filesystem::create_symlink("../" + outside.path().filename().string() + "/secret",
                                    directory.path() / "relative");
    std::filesystem::create_directory_symlink(outside.path(), directory.path() / "dir");
    std::filesystem::create_symlink("/proc/self/exe", directory.path() / "magic");
    for (const auto* name : {"absolute", "relative", "dir/secret", "magic"})
        EXPECT_EQ(open(name), denied) << name;
}

TEST_F(FileRootTest, ASymbolicLinkInsideTheRootIsFollowed) {
    directory.write("sub/file", "x");
    std::filesystem::create_symlink("sub/file", directory.path() / "link");
    EXPECT_EQ(open("link"), opened);
}

TEST_F(FileRootTest, WhatIsNoFileIsRefusedAndHoldsNobodyUp) {
    std::filesystem::create_directory(directory.path() / "directory");
    ASSERT_EQ(mkfifo((directory.path() / "fifo").c_str(), 0600), 0);
    const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto path = (directory.path() / "socket").string();
    ASSERT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    ASSERT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    for (const auto* name : {"directory", "fifo", "socket", "", "."})
        EXPECT_EQ(open(name), denied) << name;
}

TEST_F(FileRootTest, WhatIsNotThereIsNotFound) {
    directory.write("file", "");
    EXPECT_EQ(open("nothing"), not_found);
    EXPECT_EQ(open("nothing/below"), not_found);
    EXPECT_EQ(open("file/below"), not_found);
    EXPECT_EQ(open(std::string(300, 'x')), not_found);
}

TEST_F(FileRootTest, WithFoldedCaseAnySpellingFindsTheFile) {
    const FileRoot folding(directory.path(), true);
    directory.write("EFI/Boot/BOOTX64.EFI", "");
    directory.write("EFI/Boot/both", "");
    directory.write("EFI/Boot/BOTH", "12");
    EXPECT_EQ(open("efi/boot/bootx64.efi"), not_found) << "by default names are what they are";
    EXPECT_EQ(code(folding.open("efi/boot/bootx64.efi")), opened);
    EXPECT_EQ(code(folding.open("EFI/BOOT/bootx64.EFI")), opened);
    EXPECT_EQ(std::get<OpenFile>(folding.open("efi/BOOT/both")).length, 0U) << "exact comes first";
    EXPECT_EQ(std::get<OpenFile>(folding.open("efi/boot/Both")).length, 2U) << "then byte order";
    EXPECT_EQ(code(folding.open("efi/boot/missing")), not_found);
    EXPECT_EQ(code(folding.open("efi/missing/bootx64.efi")), not_found);
}

TEST_F(FileRootTest, AMachineFindsItsFilesUnderAnySpellingOfItsName) {
    const FileRoot folding(directory.path(), true);
    directory.write("10000000cafef00d/config.txt", "1");
    directory.write("A1B2C3D4/config.txt", "22");
    directory.write("10000000a1b2c3d4/config.txt", "333");
    directory.write("pxelinux.cfg/01:88:99:AA:BB:CC:DD", "4444");
    directory.write("pxelinux.cfg/33221100-5544-7766-8899-AABBCCDDEEFF", "55555");
    directory.write("pxelinux.cfg/A000001", "666666");
    const auto length = [&](const std::string& name) {
        const auto found = folding.open(name);
        const auto* file = std::get_if<OpenFile>(&found);
        return file ? file->length : 0;
    };
    EXPECT_EQ(length("cafef00d/config.txt"), 1U);
    EXPECT_EQ(length("CAFEF00D/CONFIG.TXT"), 1U);
    EXPECT_EQ(length("a1b2c3d4/config.txt"), 2U) << "what differs in case alone comes first";
    EXPECT_EQ(length("pxelinux.cfg/01-88-99-aa-bb-cc-dd"), 4U);
    EXPECT_EQ(length("pxelinux.cfg/00112233-4455-6677-8899-aabbccddeeff"), 5U);
    EXPECT_EQ(length("pxelinux.cfg/0A000001"), 0U) << "10.0.0.1 is not 160.0.0.1x";
    EXPECT_EQ(length("cafef00e/config.txt"), 0U);
    EXPECT_EQ(code(root.open("cafef00d/config.txt")), not_found);
}

TEST_F(FileRootTest, FoldingTheCaseLeadsNowhereElse) {
    const FileRoot folding(directory.path(), true);
    outside.write("SECRET", "secret");
    const auto neighbour = outside.path().filename().string();
    std::filesystem::create_directory_symlink(outside.path(), directory.path() / "DIR");
    EXPECT_EQ(code(folding.open("../" + neighbour + "/secret")), denied);
    EXPECT_NE(code(folding.open("dir/secret")), opened);
    EXPECT_NE(code(folding.open("dir/SECRET")), opened);
}

TEST_F(FileRootTest, AnUpdateDuringTheOpenIsWaitedOut) {
    directory.write("file", "new");
    const FileRoot flaky(directory.path(), false, failing_calls);
    for (const int error : {ESTALE, EAGAIN, EINTR, ENOTCONN, EIO}) {
        failure = error;
        failures_left = 2;
        EXPECT_EQ(code(flaky.open("file")), opened) << strerror(error);
    }
}

TEST_F(FileRootTest, AFileThatNeverSettlesIsAnErrorAndNotAnEndlessLoop) {
    directory.write("file", "new");
    const FileRoot flaky(directory.path(), false, failing_calls);
    failure = ESTALE;
    failures_left = 1'000'000;
    EXPECT_EQ(code(flaky.open("file")), 0);
    EXPECT_GT(failures_left, 999'900);
    failures_left = 0;
}

TEST_F(FileRootTest, AMountThatWasReplacedIsFoundAgain) {
    directory.write("file", "");
    const FileRoot flaky(directory.path(), false, failing_calls);
    failure = ENOTCONN;
    failures_left = 1;
    roots_opened = 0;
    EXPECT_EQ(code(flaky.open("file")), opened);
    EXPECT_EQ(roots_opened, 2) << "the second attempt goes by the path again";
}

TEST_F(FileRootTest, ARootThatIsExchangedIsTheNewOneFromThenOn) {
    const auto path = directory.path() / "root";
    std::filesystem::create_directory(path);
    const FileRoot served(path);
    EXPECT_EQ(code(served.open("file")), not_found);
    std::filesystem::rename(path, directory.path() / "old");
    directory.write("root/file", "");
    EXPECT_EQ(code(served.open("file")), opened);
}

TEST_F(FileRootTest, ARootThatCannotBeServedSaysWhatToDo) {
    EXPECT_NO_THROW(root.check());
    const auto file = directory.write("file", "");
    EXPECT_THROW(FileRoot(directory.path() / "missing").check(), StartError);
    EXPECT_THROW(FileRoot(file).check(), StartError);
}

} // namespace
} // namespace bootview::tftp
