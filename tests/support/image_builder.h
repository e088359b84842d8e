// Disk images for tests, made with the tools that users have: sfdisk, mkfs.vfat, mtools.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::test {

struct ImageSpec {
    int fat_bits = 16;
    std::uint64_t fat_mebibytes = 64;
    unsigned sectors_per_cluster = 0; // 0: what mkfs.vfat thinks best
    std::uint64_t rest_mebibytes = 4; // a second partition, type 83
    bool partitioned = true;
};

// Where the FAT partition begins, in bytes.
inline constexpr std::uint64_t fat_partition_offset = 1 << 20;

void build_image(const std::string& path, const ImageSpec& spec);

// mtools on the image's FAT partition: mtools({"mcopy", "-o"}, image, {"file", "::name"}).
void mtools(const std::vector<std::string>& command, const std::string& image,
            const std::vector<std::string>& arguments, std::uint64_t offset = fat_partition_offset);

// Puts a file into the image's FAT partition, over an old one of that name.
void add_to_image(const std::string& image, const std::string& name, std::string_view content);

void write_file(const std::string& path, std::string_view content);
std::string read_file(const std::string& path); // throws std::system_error

} // namespace bootview::test
