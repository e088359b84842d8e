// No image makes fuse-fatimg take more than 256 MB, however large it is or whatever it says. If
// this fails, one image in a directory of many takes the memory of all of them, or of the machine.
//
// The images are sparse files, so that they may be as large as FAT allows. How long the slowest
// request took is printed, not judged: tests/fuzz counts the work of requests.
#include "common/descriptor.h"
#include "tests/fuzz/base_images.h"
#include "tests/support/serving_stack.h"
#include "tests/support/temporary_directory.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

using namespace bootview;
using namespace bootview::test;
using fuzz::BaseVolume;
using fuzz::SparseImage;

namespace {

constexpr std::uint64_t most_memory_kib = 256 * 1024;
constexpr unsigned first_free_slot = 8; // of the root that format_volume() makes
constexpr std::uint64_t gibibyte = std::uint64_t{1} << 30;

// Writes the pages of an image to a file of its size. False: no file may be that large here.
bool write_sparsely(const SparseImage& image, const std::string& path) {
    const Descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (!file)
        throw std::system_error(errno, std::generic_category(), path);
    if (::ftruncate(file.get(), static_cast<off_t>(image.size())) != 0) {
        if (errno == EFBIG || errno == EINVAL)
            return false;
        throw std::system_error(errno, std::generic_category(), "ftruncate");
    }
    image.for_each_page([&](std::uint64_t offset, std::span<const std::byte> page) {
        const std::size_t length = std::min<std::uint64_t>(page.size(), image.size() - offset);
        if (::pwrite(file.get(), page.data(), length, static_cast<off_t>(offset)) !=
            static_cast<ssize_t>(length))
            throw std::system_error(errno, std::generic_category(), "pwrite");
    });
    return true;
}

// Clusters in an order in which no two neighbours follow each other, as far apart as `stride`.
void scatter(SparseImage& image, const BaseVolume& volume, std::uint32_t first, std::uint32_t count,
             std::uint32_t stride) {
    std::uint32_t cluster = first;
    std::uint32_t lane = 0;
    for (std::uint32_t i = 0; i + 1 < count; ++i) {
        std::uint32_t next = cluster + stride;
        if (next >= first + count) // this lane is at its end
            next = first + ++lane;
        volume.link(image, cluster, next);
        cluster = next;
    }
    volume.link(image, cluster, 0x0fffffff);
}

// A directory of as many slots as a directory may have, but for the last, filled with small files.
void fill_directory(SparseImage& image, std::uint64_t offset, std::uint32_t own_cluster) {
    image.write(offset, fuzz::short_slot(".          ", 0x10, own_cluster, 0));
    image.write(offset + 32, fuzz::short_slot("..         ", 0x10, 0, 0));
    for (std::uint32_t i = 2; i < 65'535; ++i)
        image.write(offset + std::uint64_t{i} * 32,
                    fuzz::short_slot(fmt::format("F{:07}TXT", i).c_str(), 0x20, 0, 0));
}

class BoundedByAnyImage : public testing::Test {
protected:
    void SetUp() override {
        if (!can_mount())
            GTEST_SKIP() << "needs /dev/fuse";
    }

    // Mounts it; false where no file may be that large.
    bool mount(const SparseImage& image) {
        const std::string path = directory / "disk.img";
        if (!write_sparsely(image, path))
            return false;
        stack = std::make_unique<ServingStack>(path);
        stack->start_view();
        return true;
    }
    std::string path(const std::string& name) const { return stack->mount() + "/" + name; }

    // One request; keeps the slowest. Gives errno, or 0.
    int timed(const std::string& what, const std::function<bool()>& request) {
        const auto begin = std::chrono::steady_clock::now();
        const int error = request() ? 0 : errno;
        const auto took = std::chrono::steady_clock::now() - begin;
        if (took > slowest) {
            slowest = took;
            slowest_is = what;
        }
        return error;
    }

    int stat(const std::string& name) {
        struct stat status {};
        return timed("stat " + name, [&] { return ::stat(path(name).c_str(), &status) == 0; });
    }
    // The number of entries; at most `most` are read.
    std::size_t list(const std::string& name, std::size_t most = ~std::size_t{0}) {
        DIR* open = nullptr;
        timed("open " + name, [&] { return (open = ::opendir(path(name).c_str())) != nullptr; });
        if (open == nullptr)
            return 0;
        std::size_t count = 0;
        const dirent* entry = nullptr;
        do {
            timed("list " + name, [&] { return (entry = ::readdir(open)) != nullptr; });
            ++count;
        } while (entry != nullptr && count <= most);
        ::closedir(open);
        return count - 1;
    }
    Descriptor open(const std::string& name) {
        Descriptor file;
        timed("open " + name, [&] {
            file.reset(::open(path(name).c_str(), O_RDONLY | O_CLOEXEC));
            return static_cast<bool>(file);
        });
        return file;
    }
    // Reads up to `count` bytes; gives errno, or 0.
    int read(const Descriptor& file, std::uint64_t offset, std::uint64_t count) {
        std::vector<char> buffer(128 * 1024);
        for (std::uint64_t done = 0; done < count; done += buffer.size()) {
            const int error = timed("read", [&] {
                return ::pread(file.get(), buffer.data(), buffer.size(),
                               static_cast<off_t>(offset + done)) >= 0;
            });
            if (error != 0)
                return error;
        }
        return 0;
    }
    int space() {
        struct statvfs status {};
        return timed("df", [&] { return ::statvfs(path("").c_str(), &status) == 0; });
    }
    // What any user would do first.
    void look_around() {
        EXPECT_EQ(space(), 0) << stack->logs();
        EXPECT_GT(list(""), 3U) << stack->logs();
        EXPECT_GT(list("overlays"), 1U) << stack->logs();
        EXPECT_EQ(stat("overlays/vc4-kms-v3d-pi4.dtbo"), 0);
        EXPECT_EQ(read(open("kernel8.img"), 0, 1 << 20), 0) << stack->logs();
    }

    // How much memory it has held at most, of its own.
    void expect_bounded() {
        std::ifstream file{fmt::format("/proc/{}/status", stack->view().pid())};
        std::string word;
        std::uint64_t most = 0;
        while (file >> word)
            if (word == "VmHWM:")
                file >> most;
        fmt::print("  {:<44} {:>6} MiB at most, slowest request {:.1f} ms ({})\n",
                   testing::UnitTest::GetInstance()->current_test_info()->name(), most / 1024,
                   std::chrono::duration<double, std::milli>(slowest).count(), slowest_is);
        EXPECT_TRUE(stack->view().running());
        EXPECT_GT(most, 0U);
        if (built_without_sanitizer()) {
            EXPECT_LE(most, most_memory_kib);
        }
    }
    static bool built_without_sanitizer() { return sanitizer_environment().empty(); }

    TemporaryDirectory directory;
    std::unique_ptr<ServingStack> stack;
    std::chrono::steady_clock::duration slowest{};
    std::string slowest_is;
};

TEST_F(BoundedByAnyImage, TwoTebibytesInClustersOf64KiB) {
    if (!mount(fuzz::base_image(3).image))
        GTEST_SKIP() << "no file may have 2 TiB here";
    look_around();
    expect_bounded();
}

TEST_F(BoundedByAnyImage, TheLargestFat) {
    if (!mount(fuzz::base_image(4).image))
        GTEST_SKIP() << "no file may have 160 GiB here";
    look_around();
    expect_bounded();
}

// 4 GiB in clusters of 512 bytes, no two of which lie side by side.
TEST_F(BoundedByAnyImage, TheLargestFileInTheSmallestPieces) {
    SparseImage image{6 * gibibyte};
    const std::uint32_t count = 8'388'608;
    const BaseVolume volume = fuzz::format_volume(
        image, 0, {.type = fat::Type::fat32, .clusters = 9'000'000, .reserved = 32});
    scatter(image, volume, 100, count, 1021);
    image.write(volume.root + first_free_slot * 32,
                fuzz::short_slot("LARGEST BIN", 0x20, 100, 0xffffffff));
    if (!mount(image))
        GTEST_SKIP() << "no file may have 6 GiB here";
    look_around();
    const Descriptor file = open("largest.bin");
    ASSERT_TRUE(file) << stack->logs();
    const std::uint64_t some = 8 << 20;
    EXPECT_EQ(read(file, 0, some), 0);
    EXPECT_EQ(read(file, 2 * gibibyte + 333, some), 0);
    EXPECT_EQ(read(file, 4 * gibibyte - some, some), 0);
    expect_bounded();
}

// Clusters so far apart that each entry of the chain lies on another page of the largest FAT.
TEST_F(BoundedByAnyImage, AFileThatIsScatteredOverTheLargestFat) {
    SparseImage image{&fuzz::base_image(4).image};
    const BaseVolume& volume = fuzz::base_image(4).volumes.front();
    const std::uint32_t count = 20'000;
    for (std::uint32_t i = 0; i < count; ++i)
        volume.link(image, 100 + i * 13'000, i + 1 < count ? 100 + (i + 1) * 13'000 : 0x0fffffff);
    image.write(volume.root + first_free_slot * 32,
                fuzz::short_slot("FAR     BIN", 0x20, 100, count * 512));
    SparseImage whole{image.size()}; // the base's pages are no pages of its own
    fuzz::base_image(4).image.for_each_page(
        [&](std::uint64_t at, std::span<const std::byte> page) { whole.write(at, page); });
    image.for_each_page(
        [&](std::uint64_t at, std::span<const std::byte> page) { whole.write(at, page); });
    if (!mount(whole))
        GTEST_SKIP() << "no file may have 160 GiB here";
    look_around();
    EXPECT_EQ(read(open("far.bin"), 0, std::uint64_t{count} * 512), 0) << stack->logs();
    expect_bounded();
}

// Hundreds of names for one directory of 2 MiB: listed one after the other, as find does.
TEST_F(BoundedByAnyImage, HundredsOfLargeDirectoriesInOnePlace) {
    SparseImage image{gibibyte};
    const BaseVolume volume = fuzz::format_volume(
        image, 0,
        {.type = fat::Type::fat32, .sectors_per_cluster = 64, .clusters = 30'000, .reserved = 32});
    for (std::uint32_t i = 100; i < 163; ++i) // 64 clusters of 32 KiB
        volume.link(image, i, i + 1);
    volume.link(image, 163, 0x0fffffff);
    fill_directory(image, volume.cluster(100), 100);
    const unsigned count = 300;
    for (unsigned i = 0; i < count; ++i)
        image.write(volume.root + (first_free_slot + i) * 32,
                    fuzz::short_slot(fmt::format("D{:07}   ", i).c_str(), 0x10, 100, 0));
    ASSERT_TRUE(mount(image));
    look_around();
    const unsigned listed = built_without_sanitizer() ? count : 30;
    for (unsigned i = 0; i < listed; ++i) {
        ASSERT_EQ(list(fmt::format("d{:07}", i)), 65'533U + 2U) << stack->logs();
        EXPECT_EQ(stat(fmt::format("d{:07}/f{:07}.txt", i, 60'000)), 0);
    }
    expect_bounded();
}

TEST_F(BoundedByAnyImage, ADirectoryInsideItself) {
    SparseImage image{16 << 20};
    const BaseVolume volume =
        fuzz::format_volume(image, 0, {.type = fat::Type::fat16, .clusters = 10'000});
    image.write(volume.cluster(8) + 6 * 32, fuzz::short_slot("AGAIN      ", 0x10, 8, 0));
    ASSERT_TRUE(mount(image));
    look_around();
    // Shown down to any depth, or refused as damaged; but not without end.
    std::string name = "overlays";
    for (int depth = 0; depth < 200; ++depth) {
        name += "/again";
        if (const int error = stat(name); error != 0) {
            EXPECT_EQ(error, EIO) << stack->logs();
            break;
        }
        EXPECT_GT(list(name), 3U);
    }
    EXPECT_EQ(stat("overlays/vc4-kms-v3d-pi4.dtbo"), 0);
    expect_bounded();
}

class SharedChain : public BoundedByAnyImage {
protected:
    // A thousand files that all lie in the same 100 MB, in pieces of 512 bytes.
    void SetUp() override {
        BoundedByAnyImage::SetUp();
        if (IsSkipped())
            return;
        SparseImage image{gibibyte};
        const BaseVolume volume = fuzz::format_volume(
            image, 0, {.type = fat::Type::fat32, .clusters = 1'000'000, .reserved = 32});
        scatter(image, volume, 100'000, 200'000, 2);
        for (std::uint32_t i = 0; i < 70; ++i) // room for them in "overlays"
            volume.link(image, i == 0 ? 8 : 1000 + i, i < 69 ? 1001 + i : 0x0fffffff);
        for (unsigned i = 0; i < count; ++i) {
            const std::uint64_t slot = 16 + i;
            image.write(slot_at(volume, slot), fuzz::short_slot(fmt::format("S{:07}BIN", i).c_str(),
                                                                0x20, 100'000, 100'000'000));
        }
        for (std::uint64_t slot = 6; slot < 16; ++slot) // deleted ones: the list must not end there
            image.write(slot_at(volume, slot), fuzz::short_slot("\xe5         ", 0x20, 0, 0));
        ASSERT_TRUE(mount(image));
        look_around();
    }

    static std::uint64_t slot_at(const BaseVolume& volume, std::uint64_t slot) {
        const auto index = static_cast<std::uint32_t>(slot / 16); // a cluster holds 16
        return volume.cluster(index == 0 ? 8 : 1000 + index) + slot % 16 * 32;
    }
    std::string name(unsigned i) const { return fmt::format("overlays/s{:07}.bin", i); }

    static constexpr unsigned count = 1000;
};

TEST_F(SharedChain, AThousandFilesReadOneAfterTheOther) {
    for (unsigned i = 0; i < count; ++i) {
        const Descriptor file = open(name(i));
        ASSERT_TRUE(file) << name(i) << stack->logs();
        EXPECT_EQ(read(file, 50'000'000, 4096), 0);
    }
    expect_bounded();
}

TEST_F(SharedChain, AThousandFilesOpenAtOnce) {
    std::vector<Descriptor> files;
    for (unsigned i = 0; i < count && files.size() < 1000; ++i)
        files.push_back(open(name(i)));
    unsigned readable = 0;
    for (const Descriptor& file : files)
        if (file && read(file, 50'000'000, 4096) == 0)
            ++readable;
    fmt::print("  {} of {} files could be open at once\n", readable, count);
    EXPECT_GE(readable, 10U) << stack->logs();
    expect_bounded();
}

} // namespace
