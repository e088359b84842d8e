#include "fuse-fatimg/fat/boot_sector.h"

#include "fuse-fatimg/image/bytes.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace bootview::fat {

namespace {

// Offsets of the fields (Microsoft FAT specification 1.03 §3.1–3.3).
enum : std::size_t {
    oem_name = 3,
    bytes_per_sector = 11,
    sectors_per_cluster = 13,
    reserved_sectors = 14,
    fat_copies = 16,
    root_entry_count = 17,
    sectors_16 = 19,
    media = 21,
    fat_sectors_16 = 22,
    sectors_32 = 32,
    fat_sectors_32 = 36,
    ext_flags = 40,
    version_32 = 42,
    root_cluster_32 = 44,
    information_sector_32 = 48,
    state_16 = 37,
    serial_16 = 39,
    state_32 = 65,
    serial_32 = 67,
};

constexpr std::uint32_t maximum_fat12_clusters = 4084;
constexpr std::uint32_t maximum_fat16_clusters = 65524;
constexpr std::uint32_t maximum_fat32_clusters = 0x0ffffff6;

[[noreturn]] void refuse(const std::string& reason) {
    throw Refused(reason);
}

} // namespace

Geometry parse_boot_sector(std::span<const std::byte, boot_sector_size> s) {
    if (std::memcmp(s.data() + oem_name, "EXFAT   ", 8) == 0)
        refuse("holds an exFAT file system, which is not supported: boot partitions must be FAT12, "
               "FAT16 or FAT32 (mkfs.vfat)");
    if (std::memcmp(s.data() + oem_name, "NTFS    ", 8) == 0)
        refuse("holds an NTFS file system, which is not supported: boot partitions must be FAT12, "
               "FAT16 or FAT32 (mkfs.vfat)");

    // The same checks as Linux makes: neither jump instruction nor 55AA signature is asked for.
    Geometry g;
    g.sector_size = get16(s, bytes_per_sector);
    const std::uint32_t per_cluster = get8(s, sectors_per_cluster);
    const std::uint32_t reserved = get16(s, reserved_sectors);
    g.fats = get8(s, fat_copies);
    const std::uint8_t medium = get8(s, media);
    if (!std::has_single_bit(g.sector_size) || g.sector_size < 512 || g.sector_size > 4096 ||
        !std::has_single_bit(per_cluster) || reserved == 0 || g.fats == 0 ||
        (medium < 0xf8 && medium != 0xf0))
        refuse("holds no FAT file system");
    g.cluster_size = g.sector_size * per_cluster;

    const std::uint32_t fat_length_16 = get16(s, fat_sectors_16);
    const std::uint32_t fat_length_32 = get32(s, fat_sectors_32);
    if (fat_length_16 == 0 && fat_length_32 == 0)
        refuse("holds no FAT file system");
    // Not by the number of clusters: small FAT32 volumes exist, and Linux mounts them as such.
    const bool is_32 = fat_length_16 == 0;
    g.fat_length = std::uint64_t{is_32 ? fat_length_32 : fat_length_16} * g.sector_size;
    g.fat_offset = std::uint64_t{reserved} * g.sector_size;
    g.root_entries = get16(s, root_entry_count);
    if (g.root_entries * 32 % g.sector_size != 0)
        refuse("has a FAT boot sector whose root directory does not fill whole sectors: run "
               "fsck.fat on it");

    std::uint64_t sectors = get16(s, sectors_16);
    if (sectors == 0)
        sectors = get32(s, sectors_32);
    g.volume_size = sectors * g.sector_size;
    g.root_offset = g.fat_offset + g.fats * g.fat_length;
    g.data_offset = g.root_offset + std::uint64_t{g.root_entries} * 32;
    if (g.volume_size <= g.data_offset)
        refuse("has a FAT boot sector whose sizes contradict each other: run fsck.fat on it");

    const std::uint64_t by_size = (g.volume_size - g.data_offset) / g.cluster_size;
    std::uint64_t entries = g.fat_length * 8; // how many the table has room for
    std::uint32_t limit = 0;
    if (is_32) {
        g.type = Type::fat32;
        entries /= 32;
        limit = maximum_fat32_clusters;
    } else if (by_size > maximum_fat12_clusters) {
        g.type = Type::fat16;
        entries /= 16;
        limit = maximum_fat16_clusters;
    } else {
        g.type = Type::fat12;
        entries /= 12;
        limit = maximum_fat12_clusters;
    }
    const std::uint64_t count = std::min(by_size, entries > 2 ? entries - 2 : 0);
    if (count == 0 || count > limit)
        refuse("has a FAT boot sector with an impossible number of clusters: run fsck.fat on it");
    g.clusters = static_cast<std::uint32_t>(count);

    if (is_32) {
        if (get16(s, version_32) != 0)
            refuse("has a FAT32 of an unknown version: only version 0.0 exists");
        g.root_cluster = get32(s, root_cluster_32);
        if (!g.contains(g.root_cluster))
            refuse("has a FAT32 whose root directory lies outside of it: run fsck.fat on it");
        // As Linux: a zero stands for the usual place.
        const std::uint32_t information =
            std::max<std::uint32_t>(get16(s, information_sector_32), 1);
        if (information < reserved)
            g.information_offset = std::uint64_t{information} * g.sector_size;
        // Bit 7: the copies are not mirrored, bits 0–3 name the one in use.
        if (const std::uint16_t flags = get16(s, ext_flags); (flags & 0x80) != 0) {
            g.active_fat = flags & 0x0f;
            if (g.active_fat >= g.fats)
                refuse("has a FAT32 whose active FAT does not exist: run fsck.fat on it");
        }
    }
    g.serial = get32(s, is_32 ? serial_32 : serial_16);
    return g;
}

std::uint8_t state_of(std::span<const std::byte, boot_sector_size> s, Type type) {
    return get8(s, type == Type::fat32 ? state_32 : state_16);
}

bool is_marked_in_use(std::span<const std::byte, boot_sector_size> s, Type type) {
    return (state_of(s, type) & state_in_use) != 0;
}

} // namespace bootview::fat
