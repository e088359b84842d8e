#include "fuse-fatimg/fat/boot_sector.h"
#include "tests/unit/fat/bytes_builder.h"

#include <functional>

#include <gtest/gtest.h>

using namespace bootview::fat;
using bootview::test::put;

namespace {

using Sector = std::array<std::byte, boot_sector_size>;

// 64 MiB FAT16: 512-byte sectors, 4 per cluster, 1 reserved, 2 FATs of 128 sectors, 512 entries.
Sector fat16() {
    Sector s{};
    put(s, 11, 2, 512);
    put(s, 13, 1, 4);
    put(s, 14, 2, 1);
    put(s, 16, 1, 2);
    put(s, 17, 2, 512);
    put(s, 21, 1, 0xf8);
    put(s, 22, 2, 128);
    put(s, 32, 4, 131072);
    put(s, 39, 4, 0xcafe);
    return s;
}

Sector fat32() {
    Sector s{};
    put(s, 11, 2, 512);
    put(s, 13, 1, 1);
    put(s, 14, 2, 32);
    put(s, 16, 1, 2);
    put(s, 21, 1, 0xf8);
    put(s, 32, 4, 163840);
    put(s, 36, 4, 1264);
    put(s, 44, 4, 2);
    put(s, 67, 4, 0xbeef);
    return s;
}

std::string refusal(const Sector& s) {
    try {
        parse_boot_sector(s);
        return "";
    } catch (const Refused& e) {
        return e.what();
    }
}

TEST(BootSector, Fat16LiesWhereLinuxFindsIt) {
    const Geometry g = parse_boot_sector(fat16());
    EXPECT_EQ(g.type, Type::fat16);
    EXPECT_EQ(g.cluster_size, 2048U);
    EXPECT_EQ(g.fat_offset, 512U);
    EXPECT_EQ(g.fat_length, 128U * 512);
    EXPECT_EQ(g.root_offset, 512U + 2 * 128 * 512);
    EXPECT_EQ(g.data_offset, g.root_offset + 512 * 32);
    EXPECT_EQ(g.clusters, (131072U - 1 - 256 - 32) / 4);
    EXPECT_EQ(g.serial, 0xcafeU);
}

TEST(BootSector, Fat32LiesWhereLinuxFindsIt) {
    const Geometry g = parse_boot_sector(fat32());
    EXPECT_EQ(g.type, Type::fat32);
    EXPECT_EQ(g.root_cluster, 2U);
    EXPECT_EQ(g.data_offset, (32U + 2 * 1264) * 512);
    EXPECT_EQ(g.offset_of(3), g.data_offset + 512);
    EXPECT_EQ(g.serial, 0xbeefU);
}

TEST(BootSector, ASmallFat32IsFat32AsForLinux) {
    Sector s = fat32();
    put(s, 32, 4, 20000); // far fewer than 65525 clusters
    EXPECT_EQ(parse_boot_sector(s).type, Type::fat32);
}

TEST(BootSector, FewClustersMakeItFat12) {
    Sector s = fat16();
    put(s, 32, 4, 4084 * 4 + 289);
    EXPECT_EQ(parse_boot_sector(s).type, Type::fat12);
    put(s, 32, 4, 4085 * 4 + 289);
    EXPECT_EQ(parse_boot_sector(s).type, Type::fat16);
}

TEST(BootSector, TheTableMayHaveRoomForFewerClustersThanTheVolume) {
    Sector s = fat16();
    put(s, 22, 2, 20);
    EXPECT_EQ(parse_boot_sector(s).clusters, 20U * 256 - 2);
}

TEST(BootSector, TheActiveFatIsReadWhenMirroringIsOff) {
    Sector s = fat32();
    put(s, 40, 2, 0x81);
    const Geometry g = parse_boot_sector(s);
    EXPECT_EQ(g.active_fat_offset(), g.fat_offset + g.fat_length);
    put(s, 40, 2, 0x82);
    EXPECT_NE(refusal(s), "");
    put(s, 40, 2, 0x01); // the number means nothing while they are mirrored
    EXPECT_EQ(parse_boot_sector(s).active_fat, 0U);
}

TEST(BootSector, NeitherJumpNorSignatureIsAskedFor) { // all the others here have none either
    Sector s = fat16();
    put(s, 0, 3, 0xffffff);
    put(s, 510, 2, 0x1234);
    EXPECT_EQ(refusal(s), "");
}

TEST(BootSector, LogicalSectorsOf512To4096Bytes) {
    for (const std::uint32_t size : {512U, 1024U, 2048U, 4096U}) {
        Sector s = fat16();
        put(s, 11, 2, size);
        const Geometry g = parse_boot_sector(s);
        EXPECT_EQ(g.sector_size, size);
        EXPECT_EQ(g.cluster_size, 4 * size);
        EXPECT_EQ(g.fat_offset, size);
        EXPECT_EQ(g.volume_size, 131072ULL * size);
    }
}

TEST(BootSector, TheMediaByteIsOneOfThoseThatExist) {
    for (unsigned media = 0; media < 256; ++media) {
        Sector s = fat16();
        put(s, 21, 1, media);
        EXPECT_EQ(refusal(s).empty(), media == 0xf0 || media >= 0xf8) << media;
    }
}

TEST(BootSector, TheShortFieldOfTotalSectorsComesFirst) {
    Sector s = fat16();
    put(s, 19, 2, 40000);
    EXPECT_EQ(parse_boot_sector(s).volume_size, 40000U * 512);
}

TEST(BootSector, ClustersBeyondTheTablesOwnCountAreNone) {
    Sector s = fat32();
    put(s, 36, 4, 10);
    EXPECT_EQ(parse_boot_sector(s).clusters, 10U * 128 - 2);
}

TEST(BootSector, MoreClustersThanFat32CanCountAreRefused) {
    Sector s = fat32();
    put(s, 11, 2, 4096);
    put(s, 36, 4, 0x00040001); // room for more than 2^28 entries
    put(s, 32, 4, 0xffffffff);
    EXPECT_NE(refusal(s), "");
}

TEST(BootSector, SizesWhoseDifferenceWrapsAreRefused) { // Linux subtracts 32-bit numbers here
    Sector s = fat32();
    put(s, 36, 4, 0x7fffffff);
    put(s, 16, 1, 255);
    EXPECT_NE(refusal(s), "");
}

TEST(BootSector, TheInformationSectorHasAUsualPlace) {
    Sector s = fat32();
    EXPECT_EQ(parse_boot_sector(s).information_offset, 512U);
    put(s, 48, 2, 6);
    EXPECT_EQ(parse_boot_sector(s).information_offset, 6U * 512);
    put(s, 48, 2, 0xffff); // "there is none"
    EXPECT_EQ(parse_boot_sector(s).information_offset, 0U);
}

TEST(BootSector, TheMarkOfAMountedVolume) {
    Sector s = fat16();
    EXPECT_FALSE(is_marked_in_use(s, Type::fat16));
    put(s, 37, 1, 1);
    EXPECT_TRUE(is_marked_in_use(s, Type::fat16));
    s = fat32();
    put(s, 65, 1, 3);
    EXPECT_TRUE(is_marked_in_use(s, Type::fat32));
    put(s, 65, 1, 2); // bad sectors were met: another matter
    EXPECT_FALSE(is_marked_in_use(s, Type::fat32));
}

TEST(BootSector, WhatLinuxRefusesIsRefused) {
    const std::vector<std::function<void(Sector&)>> damages{
        [](Sector& s) { put(s, 11, 2, 0); },      [](Sector& s) { put(s, 11, 2, 513); },
        [](Sector& s) { put(s, 11, 2, 256); },    [](Sector& s) { put(s, 11, 2, 8192); },
        [](Sector& s) { put(s, 13, 1, 0); },      [](Sector& s) { put(s, 13, 1, 3); },
        [](Sector& s) { put(s, 14, 2, 0); },      [](Sector& s) { put(s, 16, 1, 0); },
        [](Sector& s) { put(s, 17, 2, 511); },    [](Sector& s) { put(s, 21, 1, 0x12); },
        [](Sector& s) { put(s, 22, 2, 0); },      [](Sector& s) { put(s, 32, 4, 200); },
        [](Sector& s) { put(s, 22, 2, 0xffff); },
    };
    for (std::size_t i = 0; i < damages.size(); ++i) {
        Sector s = fat16();
        damages[i](s);
        EXPECT_NE(refusal(s), "") << "damage " << i;
    }
    Sector s = fat32();
    put(s, 44, 4, 1);
    EXPECT_NE(refusal(s), "");
    s = fat32();
    put(s, 42, 2, 1);
    EXPECT_NE(refusal(s), "");
    s = fat16();
    put(s, 22, 2, 300);
    put(s, 13, 1, 1);
    EXPECT_NE(refusal(s), "") << "more clusters than FAT16 can count";
}

TEST(BootSector, OtherFileSystemsAreCalledByTheirNames) {
    Sector s{};
    std::memcpy(s.data() + 3, "EXFAT   ", 8);
    EXPECT_NE(refusal(s).find("exFAT"), std::string::npos);
    std::memcpy(s.data() + 3, "NTFS    ", 8);
    EXPECT_NE(refusal(s).find("NTFS"), std::string::npos);
}

TEST(BootSector, AnyBytesGiveAnAnswer) {
    std::uint32_t x = 1;
    for (int round = 0; round < 20'000; ++round) {
        Sector s = round % 2 == 0 ? fat16() : fat32();
        for (int i = 0; i < 4; ++i) {
            x = x * 1664525 + 1013904223;
            s[11 + x / 65536 % 60] = static_cast<std::byte>(x >> 24);
        }
        try {
            const Geometry g = parse_boot_sector(s);
            ASSERT_GT(g.clusters, 0U);
            ASSERT_LE(g.offset_of(g.clusters + 1) + g.cluster_size, g.volume_size);
            ASSERT_LE(g.active_fat_offset() + g.fat_length, g.data_offset);
        } catch (const Refused&) {
        }
    }
}

} // namespace
