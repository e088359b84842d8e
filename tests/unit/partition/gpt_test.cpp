// GUID partition tables, whole and damaged.
#include "fuse-fatimg/partition/crc32.h"
#include "fuse-fatimg/partition/table.h"
#include "tests/unit/fat/bytes_builder.h"
#include "tests/unit/partition/disk.h"

#include <algorithm>

#include <gtest/gtest.h>

using namespace bootview;
using namespace bootview::partition;
using namespace bootview::test;

namespace {

constexpr std::size_t disk_size = 8 << 20;

Disk usual() {
    return made_by_sfdisk("label: gpt\n"
                          "label-id: 01234567-89AB-CDEF-0123-456789ABCDEF\n"
                          "1: start=2048, size=2048, type=U, name=\"boot\","
                          " uuid=AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE\n"
                          "3: start=8192, size=1024\n",
                          disk_size);
}

void flip(Disk& disk, std::size_t at) {
    disk.bytes[at] ^= std::byte{1};
}

TEST(Gpt, WhatItSaysOfItsPartitions) {
    const Table table = usual().read();
    EXPECT_EQ(table.kind, TableKind::gpt);
    EXPECT_EQ(table.uuid, "01234567-89ab-cdef-0123-456789abcdef");
    EXPECT_EQ(numbers(table), (Numbers{1, 3})); // with its gap
    EXPECT_EQ(table.partitions[0].range, (Range{2048 * 512, 2048 * 512}));
    EXPECT_EQ(table.partitions[0].type_guid, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
    EXPECT_EQ(table.partitions[0].uuid, "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
    EXPECT_EQ(table.partitions[0].name, "boot");
    EXPECT_EQ(table.partitions[1].range, (Range{8192 * 512, 1024 * 512}));
    EXPECT_TRUE(table.remarks.empty());
}

TEST(Gpt, NamesBeyondAsciiAndNamesThatAreNoText) {
    Disk disk{std::vector<std::byte>(1 << 20)};
    put_gpt(disk, 512);
    const std::uint16_t name[]{'G', 0xfc, 0x20ac, 0xd83e, 0xdd67, 0xdc00, 7, 0xd800};
    for (std::size_t i = 0; i < std::size(name); ++i)
        put(disk.bytes, 1024 + 56 + 2 * i, 2, name[i]);
    put(disk.bytes, 512 + 88, 4, crc32(std::span{disk.bytes}.subspan(1024, 1024)));
    seal_header(disk, 512);
    EXPECT_EQ(disk.read().partitions.at(0).name, "Gü€\U0001f967\ufffd\ufffd\ufffd");
}

TEST(Gpt, ADamagedPrimaryHeaderGivesWayToTheBackupAloud) {
    Disk disk = usual();
    flip(disk, 512 + 24);
    const Table table = disk.read();
    EXPECT_EQ(numbers(table), (Numbers{1, 3}));
    ASSERT_EQ(table.remarks.size(), 1U);
    EXPECT_TRUE(has_remark(table, "the checksum of its header is wrong), its backup is used"));
}

TEST(Gpt, ADamagedPrimaryTableGivesWayToTheBackupAloud) {
    Disk disk = usual();
    flip(disk, 1024 + 32); // where partition 1 begins
    const Table table = disk.read();
    EXPECT_EQ(table.partitions.at(0).range, (Range{2048 * 512, 2048 * 512}));
    ASSERT_EQ(table.remarks.size(), 1U);
    EXPECT_TRUE(has_remark(table, "the checksum of its table is wrong), its backup is used"));
}

TEST(Gpt, ADamagedBackupIsSaidWhileThePrimaryIsUsed) {
    Disk disk = usual();
    flip(disk, disk_size - 512 + 24);
    Table table = disk.read();
    EXPECT_EQ(numbers(table), (Numbers{1, 3}));
    ASSERT_EQ(table.remarks.size(), 1U);
    EXPECT_TRUE(has_remark(table, "the backup GPT is damaged"));

    disk = usual();
    flip(disk, disk_size - 33 * 512 + 32);
    table = disk.read();
    EXPECT_TRUE(has_remark(table, "the backup GPT is damaged (the checksum of its table"));
}

TEST(Gpt, WithBothCopiesDamagedThereAreWordsAndNoPartitions) {
    Disk disk = usual();
    flip(disk, 512 + 24);
    flip(disk, disk_size - 512 + 24);
    Table table = disk.read();
    EXPECT_EQ(table.kind, TableKind::none);
    EXPECT_TRUE(table.partitions.empty());
    EXPECT_TRUE(has_remark(table, "both copies are damaged"));

    std::fill_n(disk.bytes.begin() + 512, 512, std::byte{0});
    std::fill_n(disk.bytes.end() - 512, 512, std::byte{0});
    table = disk.read();
    EXPECT_TRUE(has_remark(table, "primary: there is no header; backup: there is no header"));
}

// A GPT that is beyond help must not make its hybrid entries, or its protective one, partitions.
TEST(Gpt, AHybridMbrIsReadByItsGpt) {
    Disk disk = usual();
    put_entry(disk, 0, 1, 0x0c, 3000, 100);
    Table table = disk.read();
    EXPECT_EQ(table.kind, TableKind::gpt);
    EXPECT_EQ(numbers(table), (Numbers{1, 3}));
    flip(disk, 512 + 24);
    flip(disk, disk_size - 512 + 24);
    table = disk.read();
    EXPECT_EQ(table.kind, TableKind::none);
    EXPECT_TRUE(has_remark(table, "both copies are damaged"));
}

TEST(Gpt, SectorsOf4096Bytes) {
    Disk disk{std::vector<std::byte>(1 << 20)};
    put_gpt(disk, 4096);
    Table table = disk.read();
    EXPECT_EQ(table.kind, TableKind::gpt);
    EXPECT_EQ(table.sector_size, 4096U);
    ASSERT_EQ(numbers(table), Numbers{1});
    EXPECT_EQ(table.partitions[0].range, (Range{8 * 4096, 8 * 4096}));
    EXPECT_EQ(table.partitions[0].name, "boot");
    EXPECT_TRUE(table.remarks.empty());
    flip(disk, 4096 + 24);
    table = disk.read();
    EXPECT_EQ(numbers(table), Numbers{1});
    EXPECT_TRUE(has_remark(table, "its backup is used"));
}

TEST(Gpt, InAnImageThatGrewTheBackupIsWhereItWas) {
    Disk disk = usual();
    disk.bytes.resize(disk_size + 123 * 512);
    Table table = disk.read();
    EXPECT_EQ(numbers(table), (Numbers{1, 3}));
    ASSERT_EQ(table.remarks.size(), 1U);
    EXPECT_TRUE(has_remark(table, "has grown"));

    flip(disk, 1024 + 32); // the primary header still says where the backup is
    table = disk.read();
    EXPECT_EQ(numbers(table), (Numbers{1, 3}));
    EXPECT_TRUE(has_remark(table, "its backup is used"));

    std::fill_n(disk.bytes.begin() + 512, 512, std::byte{0}); // and without it, the protective MBR
    table = disk.read();
    EXPECT_EQ(numbers(table), (Numbers{1, 3}));
    EXPECT_TRUE(has_remark(table, "its backup is used"));
}

TEST(Gpt, InATruncatedImageWhatIsThereIsShownAloud) {
    Disk disk = usual();
    disk.bytes.resize(8192 * 512 + 512);
    Table table = disk.read();
    EXPECT_EQ(numbers(table), (Numbers{1, 3}));
    EXPECT_EQ(table.partitions[1].range, (Range{8192 * 512, 512}));
    EXPECT_TRUE(has_remark(table, "the backup GPT lies past the end of the image"));
    EXPECT_TRUE(has_remark(table, "partition 3 reaches past the end of the image"));
    disk.bytes.resize(4000 * 512);
    EXPECT_EQ(numbers(disk.read()), Numbers{1});
}

TEST(Gpt, ABackupThatSaysSomethingElseIsMentioned) {
    Disk disk{std::vector<std::byte>(1 << 20)};
    put_gpt(disk, 512);
    const std::size_t backup = disk.bytes.size() - 512;
    const std::size_t entries = backup - 2 * 512;
    put(disk.bytes, entries + 40, 8, 20);
    put(disk.bytes, backup + 88, 4, crc32(std::span{disk.bytes}.subspan(entries, 1024)));
    seal_header(disk, backup);
    const Table table = disk.read();
    EXPECT_EQ(table.partitions.at(0).range.length, 8U * 512);
    EXPECT_TRUE(has_remark(table, "something else"));
}

TEST(Gpt, WithoutItsProtectiveMbrItIsFoundAloud) {
    Disk disk = usual();
    std::fill_n(disk.bytes.begin(), 512, std::byte{0});
    const Table table = disk.read();
    EXPECT_EQ(numbers(table), (Numbers{1, 3}));
    EXPECT_TRUE(has_remark(table, "protective MBR is missing"));
}

// The table of a disk that was GPT once and is MBR now.
TEST(Gpt, AStaleOneBehindAnOrdinaryMbrIsNotRead) {
    Disk disk = usual();
    put_entry(disk, 0, 0, 0x0c, 100, 100);
    const Table table = disk.read();
    EXPECT_EQ(table.kind, TableKind::mbr);
    EXPECT_EQ(numbers(table), Numbers{1});
}

TEST(Gpt, OverlappingPartitionsAreShownAloud) {
    Disk disk{std::vector<std::byte>(1 << 20)};
    put_gpt(disk, 512);
    for (const std::size_t entries : {std::size_t{1024}, disk.bytes.size() - 3 * 512}) {
        put(disk.bytes, entries + 128, 8, 77);
        put(disk.bytes, entries + 128 + 32, 8, 15);
        put(disk.bytes, entries + 128 + 40, 8, 30);
    }
    for (const std::size_t header : {std::size_t{512}, disk.bytes.size() - 512}) {
        put(disk.bytes, header + 88, 4, crc32(std::span{disk.bytes}.subspan(1024, 1024)));
        seal_header(disk, header);
    }
    const Table table = disk.read();
    EXPECT_EQ(numbers(table), (Numbers{1, 2}));
    ASSERT_EQ(table.remarks.size(), 1U);
    EXPECT_TRUE(has_remark(table, "partitions 1 and 2 overlap"));
}

// Up to 32,768 entries, and each remark is a line of the log.
TEST(Gpt, WhatIsWrongWithEveryEntryIsSaidOfAFew) {
    for (const std::uint64_t last : {std::uint64_t{0}, std::uint64_t{1} << 40}) {
        Disk disk{std::vector<std::byte>(1 << 20)};
        put_gpt(disk, 512);
        for (const std::size_t entries : {std::size_t{1024}, disk.bytes.size() - 3 * 512})
            for (std::size_t i = 0; i < 8; ++i) {
                put(disk.bytes, entries + i * 128, 8, 77);
                put(disk.bytes, entries + i * 128 + 32, 8, 10 + i);
                put(disk.bytes, entries + i * 128 + 40, 8, last);
            }
        for (const std::size_t header : {std::size_t{512}, disk.bytes.size() - 512}) {
            put(disk.bytes, header + 88, 4, crc32(std::span{disk.bytes}.subspan(1024, 1024)));
            seal_header(disk, header);
        }
        const Table table = disk.read();
        EXPECT_TRUE(has_remark(table, last == 0 ? "partition 4 ends before it begins"
                                                : "partition 4 reaches past the end"));
        EXPECT_FALSE(has_remark(table, "partition 5 "));
    }
}

// A header with right checksums can still ask for anything: it must not be given.
TEST(Gpt, HeadersThatAskForTooMuchAreRefused) {
    struct {
        std::size_t field, width;
        std::uint64_t value;
    } const lies[]{
        {12, 4, 91},         {12, 4, 513},         {24, 8, 2},          {72, 8, 1 << 20},
        {72, 8, ~0ULL},      {72, 8, ~0ULL / 512}, {80, 4, 0},          {80, 4, 0xffffffff},
        {84, 4, 0},          {84, 4, 127},         {84, 4, 0x80000000}, {84, 4, 0xffffff80},
        {32, 8, ~0ULL / 16},
    };
    for (const auto& lie : lies) {
        Disk disk{std::vector<std::byte>(1 << 20)};
        put_gpt(disk, 512);
        put(disk.bytes, 512 + lie.field, lie.width, lie.value);
        if (lie.field != 12)
            seal_header(disk, 512);
        const Table table = disk.read();
        EXPECT_EQ(numbers(table), Numbers{1}); // by the backup, or in spite of it
        EXPECT_EQ(table.remarks.size(), 1U);
    }
}

TEST(Gpt, AnyBytesGiveAnAnswer) {
    Disk disk = made_by_sfdisk("label: gpt\n1: start=2048, size=2048\n");
    std::uint32_t x = 3;
    for (int round = 0; round < 2000; ++round) {
        Disk damaged{{disk.bytes.begin(), disk.bytes.begin() + 65536}};
        for (int i = 0; i < 8; ++i) {
            x = x * 1664525 + 1013904223;
            damaged.bytes[x / 65536 % 2048] = static_cast<std::byte>(x >> 24);
        }
        for (const Partition& partition : damaged.read().partitions)
            ASSERT_LE(partition.range.end(), damaged.bytes.size());
    }
}

TEST(Gpt, Crc32OfTheCheckString) {
    EXPECT_EQ(crc32(std::as_bytes(std::span{"123456789", 9})), 0xcbf43926U);
}

} // namespace
