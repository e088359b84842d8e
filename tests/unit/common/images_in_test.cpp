#include "common/images_in.h"
#include "tests/support/temporary_directory.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include <gtest/gtest.h>

namespace bootview {
namespace {

using std::string_view_literals::operator""sv;
using Images = std::map<std::string, std::string>;

// A disk: a boot sector with one partition.
std::string disk(std::size_t size = 8192) {
    std::string bytes(size, '\0');
    bytes[446 + 4] = '\x0c';
    bytes[446 + 9] = '\x08';
    bytes[446 + 13] = '\x08';
    bytes[510] = '\x55';
    bytes[511] = '\xaa';
    return bytes;
}

std::string with(std::size_t at, std::string_view magic) {
    std::string bytes(std::max<std::size_t>(70000, at + magic.size()), '\0');
    return bytes.replace(at, magic.size(), magic);
}

class ImagesIn : public testing::Test {
protected:
    void write(const std::string& name, std::string_view content) const {
        directory.write(name, content);
    }
    std::string path(const std::string& name) const { return directory / name; }
    std::string found(ImageDirectory& images, const std::string& name) const {
        const auto image = images.find(name);
        return image ? std::filesystem::path(image->path).filename().string() : "-";
    }

    test::TemporaryDirectory directory;
};

TEST_F(ImagesIn, EveryImageHasItsStemAndItsWholeNameAsNames) {
    write("jammy.img", disk());
    write("plain", disk());
    write(".hidden.img", disk());
    std::filesystem::create_directory(path("folder.img"));
    std::filesystem::create_symlink("jammy.img", path("link.img"));
    const Images expected{
        {"jammy", path("jammy.img")}, {"link", path("link.img")}, {"plain", path("plain")}};
    EXPECT_EQ(images_in(directory.path()), expected);
    ImageDirectory images{directory.path()};
    for (const char* name : {"jammy", "jammy.img"})
        EXPECT_EQ(found(images, name), "jammy.img") << name;
    for (const char* name : {"hidden", ".hidden.img", "folder", "folder.img", "nothing", ""})
        EXPECT_EQ(found(images, name), "-") << name;
    EXPECT_THROW(images_in(path("nowhere")), std::system_error);
}

// A running client asks for its image by name whenever its connection was lost: whatever is laid
// beside the image meanwhile, by whatever program, it must get this image and no other.
TEST_F(ImagesIn, AFileLaidBesideAnImageTakesNoNameFromIt) {
    write("raspios.img", disk());
    ImageDirectory images{directory.path()};
    ASSERT_EQ(found(images, "raspios"), "raspios.img");
    for (const char* beside : {"raspios",
                               "raspios.zip",
                               "raspios.img.xz",
                               "raspios.img.zst",
                               "raspios.7z",
                               "raspios~",
                               "raspios.img~",
                               "raspios.img.~1~",
                               "raspios.bak",
                               "raspios.img.bak",
                               "raspios.orig",
                               "raspios.iso",
                               "raspios.raw",
                               "raspios.bin",
                               "raspios.qcow2",
                               "raspios.img.part",
                               "raspios.img.crdownload",
                               "raspios.img.1",
                               "raspios.sha256",
                               "raspios.img.sha256",
                               "raspios.txt",
                               "raspios.sh",
                               "raspios.2026-11-30",
                               "raspios.img.raw",
                               "RASPIOS.img",
                               "raspios.IMG"}) {
        for (const std::string& content : {std::string{}, std::string{"text\n"}, disk()}) {
            write(beside, content);
            ImageDirectory fresh{directory.path()}; // a process that was started just now
            for (ImageDirectory* const process : {&images, &fresh}) {
                EXPECT_EQ(found(*process, "raspios"), "raspios.img") << beside << ": " << content;
                EXPECT_EQ(found(*process, "raspios.img"), "raspios.img") << beside;
                EXPECT_EQ(process->images().at("raspios"), path("raspios.img")) << beside;
            }
        }
        std::filesystem::remove(path(beside));
    }
}

TEST_F(ImagesIn, OfTwoImagesWithOneStemTheOneInImgHasItAndTheOtherItsWholeName) {
    write("noble.raw", disk());
    write("noble.img", disk());
    write("noble.bin", disk());
    write("jammy.raw", disk());
    write("jammy.iso", disk());
    const Images expected{{"jammy", path("jammy.raw")},
                          {"jammy.iso", path("jammy.iso")},
                          {"noble", path("noble.img")},
                          {"noble.bin", path("noble.bin")},
                          {"noble.raw", path("noble.raw")}};
    EXPECT_EQ(images_in(directory.path()), expected);
    ImageDirectory images{directory.path()};
    for (const auto& [name, file] : expected)
        EXPECT_EQ(images.find(name)->path, file) << name;
    std::filesystem::remove(path("noble.img"));
    EXPECT_EQ(found(images, "noble"), "noble.raw");
    EXPECT_EQ(found(images, "noble.img"), "-");
}

// While somebody deletes an image in order to copy it anew, its name leads nowhere, rather than to
// the copy that wget numbered.
TEST_F(ImagesIn, ANumberedCopyIsNotTheImageThatItWasCopiedFrom) {
    write("raspios.img.1", disk());
    ImageDirectory images{directory.path()};
    for (const char* name : {"raspios", "raspios.img"})
        EXPECT_EQ(found(images, name), "-") << name;
    EXPECT_EQ(found(images, "raspios.img.1"), "raspios.img.1");
}

TEST_F(ImagesIn, WhatIsNoImageByItsEndingOrItsContentIsNone) {
    write("README", "What lies here\n");
    write("notes.md", "# Notes\n");
    write("SHA256SUMS", "abc  raspios.img\n");
    write("run", "#!/bin/sh\n");
    write("program", with(0, "\x7f"
                             "ELF\2\1\1"sv));
    write("raspios.img.sha256", disk());
    write("raspios.img.xz", disk());
    write("packed.img", with(0, "\xfd"
                                "7zXZ\0"sv));
    write("vm.img", with(0, "QFI\xfb"sv));
    write("vm2", with(64, "\x7f\x10\xda\xbe"sv));
    write("empty.img", "");
    write("disk.img.old", disk());
    EXPECT_EQ(images_in(directory.path()), Images{});
}

TEST_F(ImagesIn, WhatHasNoEndingThatTellsIsKnownByItsContent) {
    const Images contents{
        {"mbr", disk()},
        {"gpt", with(512, "EFI PART")},
        {"gpt4k", with(4096, "EFI PART")},
        {"xfs", with(0, "XFSB")},
        {"squashfs", with(0, "hsqs")},
        {"btrfs", with(65600, "_BHRfS_M")},
        {"iso", with(32769, "CD001")},
        {"ext4", with(1080, "\x53\xef\x01")},
        {"ntfs", with(3, "NTFS    ")},
        {"dotted-12.5", disk()},
    };
    Images expected;
    for (const auto& [name, content] : contents) {
        write(name, content);
        expected.emplace(name == "dotted-12.5" ? "dotted-12" : name, path(name));
    }
    write("zeroes.img", std::string(4096, '\0')); // truncate -s 4K: a new disk
    write("zeroes.raw", std::string(4096, '\0'));
    write("zeroes", std::string(4096, '\0'));
    expected.emplace("zeroes", path("zeroes.img"));
    expected.emplace("zeroes.raw", path("zeroes.raw"));
    EXPECT_EQ(images_in(directory.path()), expected);
}

// P9: what a client writes to its disk takes no name away from it.
TEST_F(ImagesIn, AnImageStaysOneWhateverIsWrittenToIt) {
    write("disk", disk());
    write("packed.img", disk());
    ImageDirectory images{directory.path()};
    ASSERT_EQ(images.images().size(), 2U);
    for (const auto& content :
         {std::string(4096, '\0'), std::string{"text\n"}, with(0, "QFI\xfb"), std::string{}}) {
        write("disk", content);
        write("packed.img", content);
        EXPECT_EQ(found(images, "disk"), "disk");
        EXPECT_EQ(images.images().size(), 2U);
    }
}

// A Raspberry Pi asks for "cafef00d" whatever its label, its user or /proc/cpuinfo say.
TEST_F(ImagesIn, ANameIsComparedAsWhatItMeans) {
    write("10000000cafef00d.img", disk());
    write("A1B2C3D4.img", disk());
    write("Raspios.img", disk());
    write("noble.img", disk());
    write("NOBLE.img", disk());
    write("readme.txt", "text\n");
    ImageDirectory images{directory.path()};
    for (const char* name : {"cafef00d", "CAFEF00D", "10000000CAFEF00D", "00000000cafef00d"})
        EXPECT_EQ(found(images, name), "10000000cafef00d.img") << name;
    for (const char* name : {"a1b2c3d4", "10000000a1b2c3d4", "a1b2c3d4.img"})
        EXPECT_EQ(found(images, name), "A1B2C3D4.img") << name;
    for (const char* name : {"raspios", "RASPIOS.IMG", "Raspios"})
        EXPECT_EQ(found(images, name), "Raspios.img") << name;
    for (const char* name : {"Noble", "README", "readme.TXT", "f00d", "0cafef00d"})
        EXPECT_EQ(found(images, name), "-") << name;
    EXPECT_EQ(found(images, "noble"), "noble.img"); // as it is written, first
    EXPECT_EQ(found(images, "NOBLE"), "NOBLE.img");
    write("cafef00d.img", disk());
    EXPECT_EQ(found(images, "cafef00d"), "cafef00d.img");
}

TEST_F(ImagesIn, WhileAnImageIsCopiedAnewItsClientsGetNoOther) {
    write("jammy.img", "");
    write("jammy.raw", disk());
    ImageDirectory images{directory.path()};
    EXPECT_EQ(found(images, "jammy"), "-");
    EXPECT_EQ(found(images, "jammy.raw"), "jammy.raw");
    EXPECT_EQ(images.images(), (Images{{"jammy.raw", path("jammy.raw")}}));
    write("jammy.img", disk());
    EXPECT_EQ(found(images, "jammy"), "jammy.img");
}

TEST_F(ImagesIn, WhatBecomesAnImageIsFound) {
    ImageDirectory images{directory.path()};
    EXPECT_EQ(images.images(), Images{});
    write("late.img", "");
    EXPECT_EQ(found(images, "late"), "-");
    write("late.img", disk());
    EXPECT_EQ(found(images, "late"), "late.img");
    const auto before = images.generation();
    std::filesystem::rename(path("late.img"), path("later.img"));
    EXPECT_EQ(found(images, "late"), "-");
    EXPECT_EQ(found(images, "later"), "later.img");
    EXPECT_NE(images.generation(), before);
}

TEST_F(ImagesIn, WhatIsPackedOrEmptyIsToldUntilThereIsAnImage) {
    write("raspios.img.xz", "packed");
    write("vm.qcow2", "QFI\xfb");
    write("README", "text\n");
    write("empty.img", "");
    ImageDirectory images{directory.path()};
    EXPECT_EQ(
        images.not_yet_images(),
        (std::vector<std::string>{path("empty.img"), path("raspios.img.xz"), path("vm.qcow2")}));
    write("empty.img", disk());
    write("raspios.img", disk());
    write("vm.raw", disk());
    EXPECT_EQ(images.not_yet_images(), std::vector<std::string>{});
}

} // namespace
} // namespace bootview
