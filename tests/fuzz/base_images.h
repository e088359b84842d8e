// Valid disk images, made in memory, for inputs that are changes to one of them: so mutations begin
// deep inside the code, not at the first check of a boot sector.
#pragma once

#include "fuse-fatimg/fat/boot_sector.h"
#include "tests/fuzz/sparse_image.h"

#include <array>
#include <cstdint>
#include <vector>

namespace bootview::fuzz {

// What a volume is to be like.
struct VolumeSpec {
    fat::Type type = fat::Type::fat16;
    std::uint32_t sector_size = 512;
    std::uint32_t sectors_per_cluster = 1;
    std::uint32_t clusters = 5000;
    std::uint32_t reserved = 1;
    std::uint32_t fats = 2;
    std::uint32_t root_entries = 512; // FAT12/16
};

// A volume in an image, and where the interesting parts of it are, in bytes of the image.
struct BaseVolume {
    std::uint64_t offset = 0;
    VolumeSpec spec;
    std::uint64_t fat = 0;
    std::uint64_t fat_length = 0;
    std::uint64_t root = 0;
    std::uint64_t data = 0; // of cluster 2
    std::uint64_t size = 0; // of the volume, in bytes

    std::uint64_t cluster(std::uint32_t number) const {
        return data + std::uint64_t{number - 2} * spec.sector_size * spec.sectors_per_cluster;
    }
    void link(SparseImage& image, std::uint32_t cluster, std::uint32_t value) const;
};

struct BaseImage {
    SparseImage image;
    std::vector<BaseVolume> volumes;
};

// Each holds one volume or more with: KERNEL8.IMG in three pieces, a file with a long name, an
// empty one, and a directory "overlays" with a file and a directory.
inline constexpr unsigned base_image_count = 10;
const BaseImage& base_image(unsigned number);
const char* name_of_base_image(unsigned number);

// Formats a volume at an offset of an image, with those files.
BaseVolume format_volume(SparseImage& image, std::uint64_t offset, const VolumeSpec& spec);

// One slot: "KERNEL8 IMG".
std::array<std::byte, 32> short_slot(const char* name, std::uint8_t attributes,
                                     std::uint32_t cluster, std::uint32_t size);
// The slots of a long name (ASCII) for that short one, in disk order.
std::vector<std::array<std::byte, 32>> long_slots(const char* long_name, const char* short_name);

} // namespace bootview::fuzz
