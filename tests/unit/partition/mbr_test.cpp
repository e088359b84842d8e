// Master boot records: which partitions Linux would make of them, under which numbers.
#include "fuse-fatimg/partition/table.h"
#include "tests/unit/fat/bytes_builder.h"
#include "tests/unit/partition/disk.h"

#include <gtest/gtest.h>

using namespace bootview;
using namespace bootview::partition;
using namespace bootview::test;

namespace {

TEST(Mbr, PrimaryAndLogicalOnesAreCountedAsLinuxDoes) {
    const Table table = made_by_sfdisk("label: dos\n"
                                       "label-id: 0x1badcafe\n"
                                       "1: start=2048, size=2048, type=c\n"
                                       "2: start=4096, size=8192, type=5\n"
                                       "5: start=6144, size=1024, type=83\n"
                                       "6: start=9216, size=1024, type=c\n")
                            .read();
    EXPECT_EQ(table.kind, TableKind::mbr);
    EXPECT_EQ(table.uuid, "1badcafe");
    EXPECT_EQ(numbers(table), (Numbers{1, 5, 6}));
    EXPECT_EQ(table.partitions[0].range, (Range{2048 * 512, 2048 * 512}));
    EXPECT_EQ(table.partitions[0].type, 0x0c);
    EXPECT_EQ(table.partitions[1].range, (Range{6144 * 512, 1024 * 512}));
    EXPECT_EQ(table.partitions[2].range, (Range{9216 * 512, 1024 * 512}));
    EXPECT_EQ(table.partitions[2].uuid, "1badcafe-06");
    ASSERT_EQ(table.extended.size(), 1U);
    EXPECT_EQ(table.extended[0].number, 2U);
    EXPECT_TRUE(table.is_convincing);
    EXPECT_TRUE(table.remarks.empty());
}

TEST(Mbr, GapsInTheNumberingStay) {
    const Table table =
        made_by_sfdisk("label: dos\n2: start=2048, size=2048\n4: start=8192, size=1024\n").read();
    EXPECT_EQ(numbers(table), (Numbers{2, 4}));
}

TEST(Mbr, EachKindOfExtendedPartitionIsFollowed) {
    for (const std::uint8_t type : {0x05, 0x0f, 0x85}) {
        Disk disk = empty_disk();
        put_entry(disk, 0, 1, type, 10, 500);
        put_entry(disk, 10, 0, 0x0c, 1, 5);
        put_entry(disk, 10, 1, type, 20, 10);
        put_entry(disk, 30, 0, 0x83, 2, 5);
        const Table table = disk.read();
        EXPECT_EQ(numbers(table), (Numbers{5, 6}));
        EXPECT_EQ(table.partitions[0].range, (Range{11 * 512, 5 * 512})); // from its own record
        EXPECT_EQ(table.partitions[1].range, (Range{32 * 512, 5 * 512})); // which is at 10 + 20
    }
}

// Two extended partitions are against the rules, and Linux numbers on through both.
TEST(Mbr, NumbersGoOnOverSeveralExtendedPartitions) {
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x05, 10, 100);
    put_entry(disk, 0, 2, 0x0f, 200, 100);
    put_entry(disk, 10, 0, 0x83, 1, 5);
    put_entry(disk, 200, 0, 0x0c, 1, 5);
    const Table table = disk.read();
    EXPECT_EQ(numbers(table), (Numbers{5, 6}));
    EXPECT_EQ(table.partitions[1].range.offset, 201U * 512);
}

TEST(Mbr, TheLinkMayStandBeforeTheData) { // as DR-DOS writes it
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x05, 10, 500);
    put_entry(disk, 10, 0, 0x05, 20, 10);
    put_entry(disk, 30, 0, 0x0c, 1, 5);
    EXPECT_EQ(numbers(disk.read()), Numbers{5});
}

TEST(Mbr, RubbishInTheLastEntriesOfALogicalRecordIsNoPartition) {
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x05, 10, 500);
    put_entry(disk, 10, 0, 0x0c, 1, 5);
    put_entry(disk, 10, 2, 0x0c, 100, 100'000); // leaves the extended partition
    put_entry(disk, 10, 3, 0x0c, 100, 100);     // as OS/2 writes it
    const Table table = disk.read();
    EXPECT_EQ(numbers(table), (Numbers{5, 6}));
    EXPECT_EQ(table.partitions[1].range, (Range{110 * 512, 100 * 512}));
}

TEST(Mbr, AChainOfLogicalPartitionsThatRunsInACircleEnds) {
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x05, 10, 500);
    put_entry(disk, 10, 0, 0x0c, 1, 5);
    put_entry(disk, 10, 1, 0x05, 20, 10);
    put_entry(disk, 30, 0, 0x0c, 1, 5);
    put_entry(disk, 30, 1, 0x05, 0, 10); // back to the first
    const Table table = disk.read();
    EXPECT_EQ(numbers(table), (Numbers{5, 6}));
    EXPECT_TRUE(has_remark(table, "circle"));
}

TEST(Mbr, AChainOfLogicalPartitionsThatBreaksKeepsWhatCameBefore) {
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x05, 10, 500);
    put_entry(disk, 10, 0, 0x0c, 1, 5);
    put_entry(disk, 10, 1, 0x05, 20, 10); // where there is no record
    Table table = disk.read();
    EXPECT_EQ(numbers(table), Numbers{5});
    EXPECT_TRUE(has_remark(table, "broken after number 5"));
    put_entry(disk, 10, 1, 0x05, 0xffffffff, 10); // nor here
    table = disk.read();
    EXPECT_EQ(numbers(table), Numbers{5});
}

TEST(Mbr, ChainsOfAnyLengthEnd) {
    Disk disk = empty_disk(4 << 20);
    put_entry(disk, 0, 0, 0x05, 1, 8000);
    for (std::uint32_t i = 0; i < 4000; ++i) { // more than any disk has
        put_entry(disk, i + 1, 0, 0x83, 1, 1);
        put_entry(disk, i + 1, 1, 0x05, i + 1, 1);
    }
    EXPECT_EQ(disk.read().partitions.size(), 251U); // 5 … 255
    for (std::uint32_t i = 0; i < 4000; ++i)        // and records with nothing but a link
        put_entry(disk, i + 1, 0, 0, 0, 0);
    EXPECT_TRUE(disk.read().partitions.empty());
}

TEST(Mbr, APartitionPastTheEndOfTheImageIsCutAsLinuxDoesAloud) {
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x0c, 2, 100);
    put_entry(disk, 0, 1, 0x83, 200, 100'000);
    put_entry(disk, 0, 2, 0x83, 200'000, 100'000);
    const Table table = disk.read();
    EXPECT_EQ(numbers(table), (Numbers{1, 2}));
    EXPECT_EQ(table.partitions[1].range, (Range{200 * 512, (1 << 20) - 200 * 512}));
    EXPECT_TRUE(has_remark(table, "partition 2 reaches past the end"));
    EXPECT_TRUE(has_remark(table, "partition 3 reaches past the end"));
}

TEST(Mbr, OverlappingPartitionsAreShownAloud) {
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x83, 50, 100);
    put_entry(disk, 0, 1, 0x83, 10, 20);
    put_entry(disk, 0, 2, 0x0c, 149, 100);
    const Table table = disk.read();
    EXPECT_EQ(numbers(table), (Numbers{1, 2, 3}));
    ASSERT_EQ(table.remarks.size(), 1U);
    EXPECT_TRUE(has_remark(table, "partitions 1 and 3 overlap"));
}

// Linux goes by the length: a CD image for USB sticks has an entry of type 0 that begins at 0.
TEST(Mbr, ALengthMakesAPartitionWhateverItsType) {
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x00, 0, 1000);
    put_entry(disk, 0, 1, 0xef, 100, 50);
    EXPECT_EQ(numbers(disk.read()), (Numbers{1, 2}));
}

TEST(Mbr, SectorsOf4096BytesAreToldByWhatTheyLeadTo) {
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x0c, 16, 32);
    EXPECT_EQ(disk.read().sector_size, 512U); // nothing there tells: the usual
    put_fat(disk, 16 * 4096);
    Table table = disk.read();
    EXPECT_EQ(table.sector_size, 4096U);
    EXPECT_EQ(table.partitions.at(0).range, (Range{16 * 4096, 32 * 4096}));
    put_fat(disk, 16 * 512); // both: the usual
    table = disk.read();
    EXPECT_EQ(table.sector_size, 512U);
    EXPECT_EQ(table.partitions.at(0).range, (Range{16 * 512, 32 * 512}));
}

TEST(Mbr, LogicalPartitionsIn4096ByteSectorsToo) {
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x05, 16, 100);
    put_entry(disk, 16 * 8, 0, 0x0c, 4, 20);
    put_fat(disk, 20 * 4096);
    const Table table = disk.read();
    EXPECT_EQ(numbers(table), Numbers{5});
    EXPECT_EQ(table.partitions.at(0).range, (Range{20 * 4096, 20 * 4096}));
}

TEST(Mbr, BootCodeIsNoTable) {
    Disk disk = empty_disk();
    for (std::size_t i = 446; i < 510; ++i)
        disk.bytes[i] = std::byte{0x6e};
    EXPECT_EQ(disk.read().kind, TableKind::none);
    // GRUB's boot.img as it is before it is installed: code that reads floppies stands where the
    // table will be.
    disk = empty_disk();
    const std::uint8_t grub[]{0x24, 0x12, 0x0f, 0x09, 0x00, 0x52, 0xbe, 0xbd, 0x7d, 0x31, 0xc0,
                              0xcd, 0x13, 0x46, 0x8a, 0x0c, 0x84, 0xc9, 0x75, 0x0f, 0xbe, 0xda};
    for (std::size_t i = 0; i < sizeof grub; ++i)
        disk.bytes[446 + i] = std::byte{grub[i]};
    EXPECT_EQ(disk.read().kind, TableKind::none);
    EXPECT_EQ(empty_disk().read().kind, TableKind::none); // a signature alone: syslinux's mbr.bin
    EXPECT_EQ(Disk{std::vector<std::byte>(100)}.read().kind, TableKind::none);
    EXPECT_EQ(Disk{}.read().kind, TableKind::none);
}

TEST(Mbr, EntriesThatMakeNoSenseAreNotConvincing) {
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x83, 10, 100);
    EXPECT_TRUE(disk.read().is_convincing);
    put_entry(disk, 0, 1, 0x83, 50, 100); // overlaps
    EXPECT_FALSE(disk.read().is_convincing);
    put_entry(disk, 0, 1, 0x20, 0x6f6f4220, 0x72652074); // text
    EXPECT_FALSE(disk.read().is_convincing);
}

} // namespace
