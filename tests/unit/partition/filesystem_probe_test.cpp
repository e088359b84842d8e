// What is told of a partition's content, held against the programs that make it.
#include "fuse-fatimg/partition/filesystem_probe.h"
#include "tests/support/child_process.h"
#include "tests/support/image_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/partition/disk.h"

#include <algorithm>
#include <filesystem>
#include <span>

#include <gtest/gtest.h>

using namespace bootview;
using namespace bootview::partition;
using namespace bootview::test;

namespace {

Filesystem probe(const Disk& disk) {
    return probe_filesystem(disk.reader(), {0, disk.bytes.size()});
}

// What `command FILE` makes of an empty file of 16 MiB.
Filesystem made_by(const std::string& command) {
    const TemporaryDirectory directory;
    const std::string path = directory / "volume";
    write_file(path, "");
    std::filesystem::resize_file(path, 16 << 20);
    std::string output;
    if (run({"sh", "-c", "PATH=$PATH:/sbin:/usr/sbin; " + command + " \"$0\" 2>&1", path},
            &output) != 0)
        throw std::runtime_error(output);
    const std::string text = read_file(path);
    const auto data = std::as_bytes(std::span{text});
    return probe({{data.begin(), data.end()}});
}

TEST(FilesystemProbe, TheExtFamilyByItsFeatures) {
    const std::string id = "-U 01234567-89ab-cdef-0123-456789abcdef -L root";
    const Filesystem ext4 = made_by("mke2fs -q -F -t ext4 " + id);
    EXPECT_EQ(ext4.kind, FilesystemKind::ext4);
    EXPECT_EQ(ext4.label, "root");
    EXPECT_EQ(ext4.uuid, "01234567-89ab-cdef-0123-456789abcdef");
    EXPECT_EQ(made_by("mke2fs -q -F -t ext3 " + id).kind, FilesystemKind::ext3);
    EXPECT_EQ(made_by("mke2fs -q -F -t ext2 " + id).kind, FilesystemKind::ext2);
}

TEST(FilesystemProbe, Fat) {
    for (const char* bits : {"12", "32"})
        EXPECT_EQ(
            made_by(std::string{"mkfs.vfat -s "} + (bits[0] == '1' ? "16" : "1") + " -F " + bits)
                .kind,
            FilesystemKind::fat);
}

TEST(FilesystemProbe, SwapOfAnyPageSize) {
    const Filesystem swap =
        made_by("chmod 600 \"$0\"; mkswap -q -L swap -U 01234567-89ab-cdef-0123-456789abcdef");
    EXPECT_EQ(swap.kind, FilesystemKind::swap);
    EXPECT_EQ(swap.label, "swap");
    EXPECT_EQ(swap.uuid, "01234567-89ab-cdef-0123-456789abcdef");
    EXPECT_EQ(made_by("chmod 600 \"$0\"; mkswap -q -p 16384").kind, FilesystemKind::swap);
}

Filesystem with(std::size_t at, const std::string& magic, std::size_t size = 1 << 20) {
    Disk disk{std::vector<std::byte>(size)};
    const auto bytes = std::as_bytes(std::span{magic});
    std::copy(bytes.begin(), bytes.end(), disk.bytes.begin() + static_cast<std::ptrdiff_t>(at));
    return probe(disk);
}

TEST(FilesystemProbe, SignaturesOfTheOthers) {
    EXPECT_EQ(with(3, "EXFAT   ").kind, FilesystemKind::exfat);
    EXPECT_EQ(with(3, "NTFS    ").kind, FilesystemKind::ntfs);
    EXPECT_EQ(with(0, "XFSB").kind, FilesystemKind::xfs);
    EXPECT_EQ(with(0, "hsqs").kind, FilesystemKind::squashfs);
    EXPECT_EQ(with(32769, "CD001").kind, FilesystemKind::iso9660);
    EXPECT_EQ(with(65536 + 64, "_BHRfS_M").kind, FilesystemKind::btrfs);
    EXPECT_EQ(with(0, "LUKS\xba\xbe").kind, FilesystemKind::luks);
    std::string label(64, '\0');
    label.replace(0, 8, "LABELONE").replace(24, 8, "LVM2 001");
    label.replace(32, 32, "abcdefghijklmnopqrstuvwxyz012345");
    EXPECT_EQ(with(512, label).kind, FilesystemKind::lvm2);
    EXPECT_EQ(with(512, label).uuid, "abcdef-ghij-klmn-opqr-stuv-wxyz-012345");
}

TEST(FilesystemProbe, NothingIsUnknown) {
    EXPECT_EQ(with(0, "").kind, FilesystemKind::unknown);
    EXPECT_EQ(with(0, "", 512).kind, FilesystemKind::unknown);
    EXPECT_EQ(with(0, "", 0).kind, FilesystemKind::unknown);
    EXPECT_EQ(with(0, "hsqs", 10).kind, FilesystemKind::squashfs);
}

} // namespace
