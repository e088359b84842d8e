#include "fuse-fatimg/partition/filesystem_probe.h"

#include "fuse-fatimg/image/bytes.h"
#include "fuse-fatimg/partition/guid.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace bootview::partition {

namespace {

using Bytes = std::span<const std::byte>;

bool has(Bytes bytes, std::size_t at, std::string_view magic) {
    return at + magic.size() <= bytes.size() &&
           std::memcmp(bytes.data() + at, magic.data(), magic.size()) == 0;
}

// A field of fixed length that is ended by a NUL, or padded with blanks.
std::string text(Bytes bytes, std::size_t at, std::size_t length) {
    std::string value(length, '\0');
    std::memcpy(value.data(), bytes.data() + at, length);
    value.resize(std::min(value.find('\0'), value.size()));
    value.erase(value.find_last_not_of(' ') + 1);
    return value;
}

// Linux's checks of a boot sector (fat_read_bpb), without those that need the sizes.
bool is_like_fat(Bytes sector) {
    const std::uint16_t sector_size = get16(sector, 11);
    const std::uint8_t per_cluster = get8(sector, 13);
    const std::uint8_t media = get8(sector, 21);
    return std::has_single_bit(sector_size) && sector_size >= 512 && sector_size <= 4096 &&
           std::has_single_bit(per_cluster) && get16(sector, 14) != 0 && get8(sector, 16) != 0 &&
           (media >= 0xf8 || media == 0xf0) && (get16(sector, 22) != 0 || get32(sector, 36) != 0);
}

// Superblock at 1024 (Linux, Documentation/filesystems/ext4/super.rst). Which of the three it is
// follows from its features, as blkid(8) has it.
std::optional<Filesystem> probe_ext(Bytes bytes) {
    constexpr std::size_t super = 1024;
    if (get16(bytes, super + 56) != 0xef53)
        return std::nullopt;
    const bool has_journal = (get32(bytes, super + 92) & 0x4) != 0;
    const bool beyond_ext3 = (get32(bytes, super + 96) & ~std::uint32_t{0x2 | 0x4 | 0x10}) != 0 ||
                             (get32(bytes, super + 100) & ~std::uint32_t{0x1 | 0x2 | 0x4}) != 0;
    return Filesystem{beyond_ext3   ? FilesystemKind::ext4
                      : has_journal ? FilesystemKind::ext3
                                    : FilesystemKind::ext2,
                      text(bytes, super + 120, 16), uuid_text(bytes.subspan(super + 104, 16))};
}

std::optional<Filesystem> probe_lvm2(Bytes bytes) {
    for (std::size_t at = 0; at < 4 * 512; at += 512) {
        if (!has(bytes, at, "LABELONE") || !has(bytes, at + 24, "LVM2 001"))
            continue;
        std::string uuid; // written in groups
        for (const char c : text(bytes, at + 32, 32)) {
            if (const auto n = uuid.size(); n == 6 || (n > 6 && n <= 31 && (n - 6) % 5 == 0))
                uuid += '-';
            uuid += c;
        }
        return Filesystem{FilesystemKind::lvm2, {}, uuid};
    }
    return std::nullopt;
}

std::optional<Filesystem> probe_beginning(Bytes bytes) {
    if (has(bytes, 0, "XFSB"))
        return Filesystem{FilesystemKind::xfs, text(bytes, 108, 12),
                          uuid_text(bytes.subspan(32, 16))};
    if (has(bytes, 0, "hsqs"))
        return Filesystem{FilesystemKind::squashfs, {}, {}};
    if (has(bytes, 0, "LUKS\xba\xbe"))
        return Filesystem{FilesystemKind::luks,
                          get8(bytes, 7) == 2 ? text(bytes, 24, 48) : std::string{},
                          text(bytes, 168, 40)};
    if (has(bytes, 3, "EXFAT   "))
        return Filesystem{FilesystemKind::exfat,
                          {},
                          fmt::format("{:04X}-{:04X}", get16(bytes, 102), get16(bytes, 100))};
    if (has(bytes, 3, "NTFS    "))
        return Filesystem{FilesystemKind::ntfs, {}, fmt::format("{:016X}", get64(bytes, 72))};
    // Before FAT: a stale boot sector may have been left in the first 1024 bytes.
    if (auto found = probe_ext(bytes))
        return found;
    if (auto found = probe_lvm2(bytes))
        return found;
    if (is_like_fat(bytes))
        return Filesystem{FilesystemKind::fat, {}, {}};
    return std::nullopt;
}

} // namespace

const char* name_of(FilesystemKind kind) {
    switch (kind) {
    case FilesystemKind::unknown:
        break;
    case FilesystemKind::fat:
        return "vfat";
    case FilesystemKind::exfat:
        return "exfat";
    case FilesystemKind::ntfs:
        return "ntfs";
    case FilesystemKind::ext2:
        return "ext2";
    case FilesystemKind::ext3:
        return "ext3";
    case FilesystemKind::ext4:
        return "ext4";
    case FilesystemKind::swap:
        return "swap";
    case FilesystemKind::btrfs:
        return "btrfs";
    case FilesystemKind::xfs:
        return "xfs";
    case FilesystemKind::squashfs:
        return "squashfs";
    case FilesystemKind::iso9660:
        return "iso9660";
    case FilesystemKind::luks:
        return "LUKS";
    case FilesystemKind::lvm2:
        return "LVM2";
    }
    return "unknown";
}

Filesystem probe_filesystem(const ReadAt& read, const Range& range) {
    const auto read_part = [&](std::uint64_t offset, std::span<std::byte> data) {
        return offset <= range.length && data.size() <= range.length - offset &&
               read(range.offset + offset, data);
    };
    // A small partition is read as far as it goes, and its rest is zero.
    std::array<std::byte, 2048 + 512> beginning{};
    const auto there = std::span{beginning}.first(std::min<std::uint64_t>(2560, range.length));
    if (!read_part(0, there))
        return {};
    if (auto found = probe_beginning(beginning))
        return *found;

    for (std::uint64_t page = 4096; page <= 65536; page *= 2) { // swap is made for a page size
        std::array<std::byte, 10> magic{};
        if (!read_part(page - magic.size(), magic))
            break;
        if (has(magic, 0, "SWAPSPACE2") || has(magic, 0, "SWAP-SPACE"))
            return {FilesystemKind::swap, text(beginning, 1052, 16),
                    uuid_text(std::span{beginning}.subspan(1036, 16))};
    }
    std::array<std::byte, 128> descriptor{};
    if (read_part(32768, descriptor) && has(descriptor, 1, "CD001"))
        return {FilesystemKind::iso9660, text(descriptor, 40, 32), {}};
    std::array<std::byte, 1024> super{};
    if (read_part(65536, super) && has(super, 64, "_BHRfS_M"))
        return {FilesystemKind::btrfs, text(super, 299, 256),
                uuid_text(std::span{super}.subspan(32, 16))};
    return {};
}

} // namespace bootview::partition
