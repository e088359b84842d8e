// Partition tables, made by sfdisk where it can and by hand where it refuses.
#include "fuse-fatimg/partition/crc32.h"
#include "fuse-fatimg/partition/table.h"
#include "tests/support/child_process.h"
#include "tests/support/image_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/fat/bytes_builder.h"

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

using namespace bootview;
using namespace bootview::partition;
using namespace bootview::test;

namespace {

struct Disk {
    std::vector<std::byte> bytes;
    Table read() const {
        return read_table(
            [this](std::uint64_t at, std::span<std::byte> data) {
                if (at > bytes.size() || data.size() > bytes.size() - at)
                    return false;
                std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), data.size(),
                            data.begin());
                return true;
            },
            bytes.size());
    }
};

Disk made_by_sfdisk(const std::string& script) {
    const TemporaryDirectory directory;
    const std::string path = directory / "disk";
    write_file(path, "");
    std::filesystem::resize_file(path, 8 << 20);
    write_file(directory / "script", script);
    std::string output;
    const int status = run({"sh", "-c", "PATH=$PATH:/sbin:/usr/sbin sfdisk -q \"$1\" < \"$2\"",
                            "sh", path, directory / "script"},
                           &output);
    if (status != 0)
        throw std::runtime_error(output);
    const std::string text = read_file(path);
    const auto data = std::as_bytes(std::span{text});
    return {{data.begin(), data.end()}};
}

std::vector<unsigned> numbers(const Table& table) {
    std::vector<unsigned> result;
    for (const Partition& partition : table.partitions)
        result.push_back(partition.number);
    return result;
}

using Numbers = std::vector<unsigned>;

TEST(PartitionTable, PrimaryAndLogicalOnesAreCountedAsLinuxDoes) {
    const Table table = made_by_sfdisk("label: dos\n"
                                       "1: start=2048, size=2048, type=c\n"
                                       "2: start=4096, size=8192, type=5\n"
                                       "5: start=6144, size=1024, type=83\n"
                                       "6: start=9216, size=1024, type=c\n")
                            .read();
    EXPECT_EQ(table.kind, TableKind::mbr);
    EXPECT_EQ(numbers(table), (Numbers{1, 5, 6}));
    EXPECT_EQ(table.partitions[0].range, (Range{2048 * 512, 2048 * 512}));
    EXPECT_EQ(table.partitions[1].range, (Range{6144 * 512, 1024 * 512}));
    EXPECT_EQ(table.partitions[2].range, (Range{9216 * 512, 1024 * 512}));
}

TEST(PartitionTable, Gpt) {
    Disk disk = made_by_sfdisk("label: gpt\n1: start=2048, size=2048\n3: start=8192, size=1024\n");
    Table table = disk.read();
    EXPECT_EQ(table.kind, TableKind::gpt);
    EXPECT_EQ(numbers(table), (Numbers{1, 3}));
    EXPECT_EQ(table.partitions[1].range, (Range{8192 * 512, 1024 * 512}));
    EXPECT_TRUE(table.remarks.empty());

    disk.bytes[512 + 24] ^= std::byte{1}; // the primary header: its backup takes over, aloud
    table = disk.read();
    EXPECT_EQ(numbers(table), (Numbers{1, 3}));
    ASSERT_EQ(table.remarks.size(), 1U);
    EXPECT_NE(table.remarks[0].find("backup"), std::string::npos);

    disk.bytes[disk.bytes.size() - 512 + 24] ^= std::byte{1};
    EXPECT_EQ(disk.read().kind, TableKind::none);
}

TEST(PartitionTable, AGptOfWhichAnEntryWasDamagedIsNotBelieved) {
    Disk disk = made_by_sfdisk("label: gpt\n1: start=2048, size=2048\n");
    disk.bytes[1024 + 32] ^= std::byte{1};
    EXPECT_EQ(disk.read().remarks.size(), 1U);
}

Disk empty_disk() {
    Disk disk{std::vector<std::byte>(1 << 20)};
    put(disk.bytes, 510, 2, 0xaa55);
    return disk;
}

void put_entry(Disk& disk, std::size_t sector, std::size_t index, std::uint8_t type,
               std::uint32_t start, std::uint32_t size) {
    const std::size_t at = sector * 512 + 446 + index * 16;
    put(disk.bytes, at + 4, 1, type);
    put(disk.bytes, at + 8, 4, start);
    put(disk.bytes, at + 12, 4, size);
    put(disk.bytes, sector * 512 + 510, 2, 0xaa55);
}

TEST(PartitionTable, AChainOfLogicalPartitionsThatRunsInACircleEnds) {
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x05, 10, 500);
    put_entry(disk, 10, 0, 0x0c, 1, 5);
    put_entry(disk, 10, 1, 0x05, 20, 10);
    put_entry(disk, 30, 0, 0x0c, 1, 5);
    put_entry(disk, 30, 1, 0x05, 0, 10); // back to the first
    const Table table = disk.read();
    EXPECT_EQ(numbers(table), (Numbers{5, 6}));
    EXPECT_FALSE(table.remarks.empty());
}

TEST(PartitionTable, APartitionPastTheEndOfTheImageIsLeftOutAloud) {
    Disk disk = empty_disk();
    put_entry(disk, 0, 0, 0x0c, 2, 100);
    put_entry(disk, 0, 1, 0x83, 200, 100'000);
    const Table table = disk.read();
    EXPECT_EQ(numbers(table), Numbers{1});
    EXPECT_EQ(table.remarks.size(), 1U);
}

TEST(PartitionTable, BootCodeIsNoTable) {
    Disk disk = empty_disk();
    for (std::size_t i = 446; i < 510; ++i)
        disk.bytes[i] = std::byte{0x6e};
    EXPECT_EQ(disk.read().kind, TableKind::none);
    EXPECT_EQ(Disk{std::vector<std::byte>(100)}.read().kind, TableKind::none);
}

TEST(PartitionTable, AnyBytesGiveAnAnswer) {
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

TEST(PartitionTable, Crc32OfTheCheckString) {
    EXPECT_EQ(crc32(std::as_bytes(std::span{"123456789", 9})), 0xcbf43926U);
}

} // namespace
