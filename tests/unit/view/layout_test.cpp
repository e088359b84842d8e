// Which FAT of an image is shown: by content, and never by what something merely looks like.
#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/view/layout.h"
#include "tests/unit/fat/bytes_builder.h"
#include "tests/unit/partition/disk.h"

#include <cstring>

#include <gtest/gtest.h>

using namespace bootview;
using namespace bootview::view;
using namespace bootview::test;

namespace {

Layout layout_of(const Disk& disk, const PartitionChoice& choice = {}) {
    return read_layout(disk.reader(), disk.bytes.size(), choice);
}

std::string refusal_of(const Disk& disk, const PartitionChoice& choice = {}) {
    try {
        layout_of(disk, choice);
        return "";
    } catch (const fat::Refused& e) {
        return e.what();
    }
}

#define EXPECT_SAYS(text, words) EXPECT_NE((text).find(words), std::string::npos) << (text)

TEST(Layout, TheFirstPartitionThatHoldsAFatWhateverItsType) {
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x0c, 100, 100);
    put_entry(disk, 0, 2, 0x83, 300, 100);
    put_entry(disk, 0, 3, 0x0c, 500, 100);
    put_fat(disk, 300 * 512);
    put_fat(disk, 500 * 512);
    EXPECT_EQ(layout_of(disk).volumes.front()->partition, 3U);
    EXPECT_EQ(layout_of(disk, {false, 4}).volumes.front()->range.offset, 500U * 512);
    EXPECT_EQ(layout_of(disk, {true, {}}).volumes.size(), 2U);
}

TEST(Layout, ASuperfloppyNeedsNoTable) {
    Disk disk = empty_disk();
    put_fat(disk, 0);
    EXPECT_EQ(layout_of(disk).volumes.front()->partition, 0U);
    EXPECT_SAYS(refusal_of(disk, {false, 1}), "without a partition table");
}

// syslinux's boot sector: 55AA at its end, messages where a table would be.
TEST(Layout, TheBootCodeOfASuperfloppyIsNoTable) {
    Disk disk = empty_disk();
    put_fat(disk, 0);
    std::memcpy(disk.bytes.data() + 442, "Boot error\r\n", 12);
    EXPECT_EQ(layout_of(disk).volumes.front()->partition, 0U);
    // Code that by chance has the status bytes of a table, but not the rest.
    disk = empty_disk();
    put_fat(disk, 0);
    put_entry(disk, 0, 1, 0x69, 0x20726573, 0x65722064);
    const Layout layout = layout_of(disk);
    EXPECT_EQ(layout.volumes.front()->partition, 0U);
    EXPECT_TRUE(layout.remarks.empty());
}

// Partitioning a disk leaves the boot sector of the FAT that it was before, and GRUB copies it.
TEST(Layout, ATableThatMakesSenseWinsOverAnOldBootSectorInTheSameSector) {
    Disk disk = empty_disk();
    put_fat(disk, 0, 2000);
    put_entry(disk, 0, 0, 0x83, 100, 100);
    put_entry(disk, 0, 1, 0x0c, 300, 100);
    put_fat(disk, 300 * 512);
    EXPECT_EQ(layout_of(disk).volumes.front()->partition, 2U);
}

// mkfs.vfat --mbr: both at once, and meant so.
TEST(Layout, AFatWithATableThatLeadsToItselfIsShown) {
    Disk disk = empty_disk();
    put_fat(disk, 0, 2000);
    put_entry(disk, 0, 0, 0x06, 0, 2048);
    EXPECT_EQ(layout_of(disk).volumes.front()->range.offset, 0U);
    EXPECT_EQ(layout_of(disk, {false, 1}).volumes.front()->range.offset, 0U);
}

TEST(Layout, AGptWinsOverAnOldBootSector) {
    Disk disk{std::vector<std::byte>(1 << 20)};
    put_fat(disk, 0, 2000);
    put_gpt(disk, 4096);
    put_fat(disk, 8 * 4096, 60);
    EXPECT_EQ(layout_of(disk).volumes.front()->partition, 1U);
}

TEST(Layout, ADamagedGptIsRefusedWithWords) {
    Disk disk{std::vector<std::byte>(1 << 20)};
    put_gpt(disk, 512);
    disk.bytes[600] = disk.bytes[513] = disk.bytes[disk.bytes.size() - 500] = std::byte{1};
    EXPECT_SAYS(refusal_of(disk), "both copies are damaged");
}

TEST(Layout, ARefusalListsWhatIsThere) {
    Disk disk = empty_disk();
    EXPECT_SAYS(refusal_of(disk), "neither a partition table nor a FAT");
    put_entry(disk, 0, 0, 0x83, 100, 100);
    put_entry(disk, 0, 1, 0x83, 300, 100);
    std::memcpy(disk.bytes.data() + 300 * 512, "hsqs", 4);
    EXPECT_SAYS(refusal_of(disk),
                "has no partition with a FAT file system (1: unknown, 2: squashfs)");
    EXPECT_SAYS(refusal_of(disk, {false, 2}), "partition 2 holds no FAT file system but squashfs");
    EXPECT_SAYS(refusal_of(disk, {false, 1}), "partition 1 holds no FAT file system: leave");
    EXPECT_SAYS(refusal_of(disk, {false, 7}), "has no partition 7: choose one of 1, 2");
    std::memcpy(disk.bytes.data() + 100 * 512 + 3, "NTFS    ", 8);
    EXPECT_SAYS(refusal_of(disk), "partition 1 holds an NTFS");

    disk = empty_disk();
    std::memcpy(disk.bytes.data(), "XFSB", 4);
    EXPECT_SAYS(refusal_of(disk), "holds xfs without a partition table");
}

// Whatever decided must be read again when it is written.
TEST(Layout, WhatItWasReadFromIsKnown) {
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x0c, 16, 32);
    put_fat(disk, 16 * 4096);
    bool boot_sector = false;
    for (const Range& range : layout_of(disk).read_from)
        boot_sector = boot_sector || range.overlaps({16 * 512, 1}); // why it is not 512
    EXPECT_TRUE(boot_sector);
}

// --- What is missing of a FAT: three things, three verdicts --------------------------------------

std::vector<std::string> remarks_of(const Disk& disk) {
    return all_remarks(disk.reader(), disk.bytes.size(), layout_of(disk));
}

// The FAT of put_fat() has one FAT of one sector, at 512 bytes from its beginning.
void put_in_use(Disk& disk, std::uint64_t volume, unsigned cluster) {
    disk.bytes[volume + 512 + cluster + cluster / 2] = std::byte{0xff};
    disk.bytes[volume + 512 + cluster + cluster / 2 + 1] = std::byte{0xff};
}

TEST(Layout, AFatLongerThanItsPartitionIsNoTruncatedImage) {
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x0c, 100, 99);
    put_fat(disk, 100 * 512);
    ASSERT_EQ(remarks_of(disk).size(), 1U);
    EXPECT_EQ(remarks_of(disk)[0], "the FAT of partition 1 reaches 512 bytes past the end of the "
                                   "partition, where no file lies: all files are there");
    EXPECT_EQ(layout_of(disk).volumes[0]->range, (Range{100 * 512, 99 * 512}));
    put_entry(disk, 0, 0, 0x0c, 100, 50);
    put_in_use(disk, 100 * 512, 70);
    EXPECT_SAYS(remarks_of(disk)[0], "25600 bytes past the end of the partition, and files lie");
    EXPECT_EQ(remarks_of(disk)[0].find("copy it again"), std::string::npos);
}

TEST(Layout, AnImageWithoutItsLastSectorsIsTruncatedOnlyIfFilesLieThere) {
    Disk disk = empty_disk(199 * 512);
    put_entry(disk, 0, 0, 0x0c, 100, 100);
    put_fat(disk, 100 * 512);
    ASSERT_EQ(remarks_of(disk).size(), 1U);
    EXPECT_SAYS(remarks_of(disk)[0], "512 bytes past the end of the image, where no file lies");
    put_in_use(disk, 100 * 512, 97); // the last one
    ASSERT_EQ(remarks_of(disk).size(), 1U);
    EXPECT_SAYS(remarks_of(disk)[0], "truncated, copy it again");
    disk = empty_disk(99 * 512); // without a table
    put_fat(disk, 0);
    EXPECT_EQ(remarks_of(disk)[0], "its FAT reaches 512 bytes past the end of the image, where no "
                                   "file lies: all files are there");
}

// What of a partition is missing need not be the FAT's concern; another partition's is a fact.
TEST(Layout, APartitionThatIsCutOffBehindItsFatIsNoMatter) {
    Disk disk = empty_disk(200 * 512);
    put_entry(disk, 0, 0, 0x0c, 100, 150);
    put_fat(disk, 100 * 512);
    EXPECT_TRUE(remarks_of(disk).empty());
    put_entry(disk, 0, 1, 0x83, 190, 100);
    bool is_said = false;
    for (const std::string& remark : remarks_of(disk))
        is_said = is_said || remark == partition::cut_off_remark(2);
    EXPECT_TRUE(is_said);
}

} // namespace
