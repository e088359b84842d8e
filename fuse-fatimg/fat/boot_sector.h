// The boot sector of a FAT volume: where everything is.
//
// Sources: Microsoft FAT specification 1.03 §3; and what Linux's vfat does where it differs, since
// the client that writes the volume is mostly Linux. Offsets are bytes from the volume's start.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

namespace bootview::fat {

enum class Type { fat12, fat16, fat32 };

using Cluster = std::uint32_t;

// Why something is not a FAT volume that can be shown, in words for the user.
class Refused : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

struct Geometry {
    Type type = Type::fat16;
    std::uint32_t sector_size = 512;
    std::uint32_t cluster_size = 512;
    std::uint64_t volume_size = 0;
    unsigned fats = 2;
    unsigned active_fat = 0;              // the one to read
    std::uint64_t fat_offset = 0;         // of the first copy
    std::uint64_t fat_length = 0;         // of one copy
    std::uint64_t root_offset = 0;        // FAT12/16: the fixed root directory
    std::uint32_t root_entries = 0;       // FAT12/16
    Cluster root_cluster = 0;             // FAT32
    std::uint64_t information_offset = 0; // FAT32: the FSInfo sector
    std::uint64_t data_offset = 0;        // of cluster 2
    std::uint32_t clusters = 0;           // numbered 2 … clusters + 1
    std::uint32_t serial = 0;

    bool contains(Cluster cluster) const { return cluster >= 2 && cluster - 2 < clusters; }
    std::uint64_t offset_of(Cluster cluster) const {
        return data_offset + std::uint64_t{cluster - 2} * cluster_size;
    }
    std::uint64_t active_fat_offset() const { return fat_offset + active_fat * fat_length; }

    friend bool operator==(const Geometry&, const Geometry&) = default;
};

inline constexpr std::size_t boot_sector_size = 512; // the part of it that matters

// Reads a boot sector. Whether all of the volume is there is another question: as for Linux, it may
// be longer than its partition, or the image. Throws Refused.
Geometry parse_boot_sector(std::span<const std::byte, boot_sector_size> sector);

// The marks in a boot sector; volume_marks.h has them all. Linux sets the first at a mount and
// clears it at the unmount.
inline constexpr std::uint8_t state_in_use = 0x01;
inline constexpr std::uint8_t state_io_error = 0x02; // Windows NT: the disk wants testing
std::uint8_t state_of(std::span<const std::byte, boot_sector_size> sector, Type type);
bool is_marked_in_use(std::span<const std::byte, boot_sector_size> sector, Type type);

} // namespace bootview::fat
