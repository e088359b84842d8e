#include "tests/fuzz/base_images.h"

#include "fuse-fatimg/fat/directory.h"
#include "fuse-fatimg/partition/crc32.h"

#include <cstring>
#include <string>

namespace bootview::fuzz {

namespace {

using SlotBytes = std::array<std::byte, 32>;

void put(std::span<std::byte> bytes, std::size_t at, std::size_t width, std::uint64_t value) {
    for (std::size_t i = 0; i < width; ++i)
        bytes[at + i] = static_cast<std::byte>(value >> 8 * i & 0xff);
}

std::uint64_t rounded(std::uint64_t value, std::uint64_t to) {
    return (value + to - 1) / to * to;
}

// Writes slots one behind the other.
class DirectoryWriter {
public:
    DirectoryWriter(SparseImage& image, std::uint64_t at) : image_(image), at_(at) {}

    void add(const char* name, std::uint8_t attributes, std::uint32_t cluster, std::uint32_t size,
             const char* long_name = nullptr) {
        if (long_name != nullptr)
            for (const SlotBytes& slot : long_slots(long_name, name))
                put_slot(slot);
        put_slot(short_slot(name, attributes, cluster, size));
    }

private:
    void put_slot(const SlotBytes& slot) {
        image_.write(at_, slot);
        at_ += slot.size();
    }

    SparseImage& image_;
    std::uint64_t at_;
};

void write_boot_sector(SparseImage& image, const BaseVolume& volume, std::uint64_t fat_sectors) {
    const VolumeSpec& spec = volume.spec;
    const bool is_32 = spec.type == fat::Type::fat32;
    std::array<std::byte, 512> sector{};
    std::memcpy(sector.data(), "\xeb\x58\x90mkfs.fat", 11);
    put(sector, 11, 2, spec.sector_size);
    put(sector, 13, 1, spec.sectors_per_cluster);
    put(sector, 14, 2, spec.reserved);
    put(sector, 16, 1, spec.fats);
    put(sector, 17, 2, is_32 ? 0 : spec.root_entries);
    put(sector, 21, 1, 0xf8);
    put(sector, 22, 2, is_32 ? 0 : fat_sectors);
    put(sector, 32, 4, volume.size / spec.sector_size);
    if (is_32) {
        put(sector, 36, 4, fat_sectors);
        put(sector, 44, 4, 2);
        put(sector, 48, 2, 1);
    }
    put(sector, is_32 ? 66 : 38, 1, 0x29);
    put(sector, 510, 2, 0xaa55);
    image.write(volume.offset, sector);
    if (!is_32 || spec.reserved < 2)
        return;
    std::array<std::byte, 512> information{};
    put(information, 0, 4, 0x41615252);
    put(information, 484, 4, 0x61417272);
    put(information, 488, 4, spec.clusters - 10);
    put(information, 492, 4, 11);
    put(information, 508, 4, 0xaa550000);
    image.write(volume.offset + spec.sector_size, information);
}

void write_mbr_entry(SparseImage& image, std::uint64_t record, unsigned index, std::uint8_t type,
                     std::uint64_t start, std::uint64_t sectors) {
    const std::uint64_t at = record + 446 + 16 * index;
    image.put(at + 4, 1, type);
    image.put(at + 8, 4, start);
    image.put(at + 12, 4, sectors);
    image.put(record + 510, 2, 0xaa55);
}

void write_gpt(SparseImage& image, std::uint64_t sector_size, std::uint64_t first,
               std::uint64_t last) {
    const std::uint64_t sectors = image.size() / sector_size;
    constexpr std::uint32_t count = 8;
    std::vector<std::byte> entries(count * 128);
    std::memcpy(entries.data(), "\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b",
                16);
    put(entries, 32, 8, first);
    put(entries, 40, 8, last);
    write_mbr_entry(image, 0, 0, 0xee, 1, sectors - 1);
    for (const bool backup : {false, true}) {
        const std::uint64_t lba = backup ? sectors - 1 : 1;
        const std::uint64_t table =
            backup ? lba - rounded(entries.size(), sector_size) / sector_size : 2;
        std::vector<std::byte> header(92);
        std::memcpy(header.data(), "EFI PART\0\0\1", 12);
        put(header, 12, 4, header.size());
        put(header, 24, 8, lba);
        put(header, 32, 8, backup ? 1 : sectors - 1);
        put(header, 40, 8, first);
        put(header, 48, 8, last);
        put(header, 72, 8, table);
        put(header, 80, 4, count);
        put(header, 84, 4, 128);
        put(header, 88, 4, partition::crc32(entries));
        put(header, 16, 4, partition::crc32(header));
        image.write(lba * sector_size, header);
        image.write(table * sector_size, entries);
    }
}

BaseImage superfloppy(const VolumeSpec& spec, std::uint64_t bytes) {
    BaseImage base{SparseImage{bytes}, {}};
    base.volumes.push_back(format_volume(base.image, 0, spec));
    return base;
}

BaseImage make(unsigned number) {
    constexpr std::uint64_t mebibyte = 1 << 20;
    using fat::Type;
    switch (number) {
    case 0:
        return superfloppy({.type = Type::fat12, .clusters = 1000, .root_entries = 64}, mebibyte);
    case 1:
        return superfloppy({.type = Type::fat16, .sectors_per_cluster = 4}, 16 * mebibyte);
    case 2: // smaller than the specification allows, and mounted by Linux
        return superfloppy({.type = Type::fat32, .clusters = 2000, .reserved = 32}, 2 * mebibyte);
    case 3: // 2 TiB in clusters of 64 KiB
        return superfloppy({.type = Type::fat32,
                            .sectors_per_cluster = 128,
                            .clusters = 0x1fff000,
                            .reserved = 32},
                           std::uint64_t{2} << 40);
    case 4: // the largest FAT there is
        return superfloppy({.type = Type::fat32, .clusters = 0x0ffffff0, .reserved = 32, .fats = 1},
                           std::uint64_t{160} << 30);
    case 5:
        return superfloppy(
            {.type = Type::fat32, .sector_size = 4096, .clusters = 3000, .reserved = 4},
            16 * mebibyte);
    case 6: { // an MBR: a primary partition, and two logical ones
        BaseImage base{SparseImage{16 * mebibyte}, {}};
        write_mbr_entry(base.image, 0, 0, 0x0c, 2048, 8192);
        write_mbr_entry(base.image, 0, 2, 0x05, 12288, 8192);
        const std::uint64_t extended = 12288 * 512;
        write_mbr_entry(base.image, extended, 0, 0x01, 64, 2000);
        write_mbr_entry(base.image, extended, 1, 0x05, 4096, 4096);
        write_mbr_entry(base.image, extended + 4096 * 512, 0, 0x0e, 64, 2000);
        base.volumes.push_back(
            format_volume(base.image, mebibyte, {.type = Type::fat16, .clusters = 6000}));
        base.volumes.push_back(format_volume(base.image, extended + 64 * 512,
                                             {.type = Type::fat12, .clusters = 1500}));
        return base;
    }
    case 7: {
        BaseImage base{SparseImage{8 * mebibyte}, {}};
        write_gpt(base.image, 512, 2048, 2048 + 8191);
        base.volumes.push_back(
            format_volume(base.image, mebibyte, {.type = Type::fat16, .clusters = 7000}));
        return base;
    }
    case 8: {
        BaseImage base{SparseImage{16 * mebibyte}, {}};
        write_gpt(base.image, 4096, 256, 256 + 2047);
        base.volumes.push_back(format_volume(
            base.image, mebibyte, {.type = Type::fat32, .clusters = 12000, .reserved = 32}));
        return base;
    }
    default: // small clusters, a directory of its own for the root: many steps for few bytes
        return superfloppy({.type = Type::fat32, .clusters = 9'000'000, .reserved = 32},
                           std::uint64_t{5} << 30);
    }
}

} // namespace

SlotBytes short_slot(const char* name, std::uint8_t attributes, std::uint32_t cluster,
                     std::uint32_t size) {
    SlotBytes slot{};
    std::memcpy(slot.data(), name, 11);
    put(slot, 11, 1, attributes);
    put(slot, 14, 2, 0x6000);
    put(slot, 16, 2, 0x5821);
    put(slot, 18, 2, 0x5821);
    put(slot, 20, 2, cluster >> 16);
    put(slot, 22, 2, 0x6000);
    put(slot, 24, 2, 0x5821);
    put(slot, 26, 2, cluster & 0xffff);
    put(slot, 28, 4, size);
    return slot;
}

std::vector<SlotBytes> long_slots(const char* long_name, const char* short_name) {
    const std::string name{long_name};
    fat::ShortName raw;
    std::memcpy(raw.data(), short_name, raw.size());
    const std::size_t count = (name.size() + 12) / 13;
    std::vector<SlotBytes> slots(count);
    for (std::size_t i = 0; i < count; ++i) {
        SlotBytes& slot = slots[count - 1 - i];
        put(slot, 0, 1, (i + 1) | (i + 1 == count ? 0x40 : 0));
        put(slot, 11, 1, fat::attribute_long_name);
        put(slot, 13, 1, fat::checksum(raw));
        static constexpr std::array<std::size_t, 13> places{1,  3,  5,  7,  9,  14, 16,
                                                            18, 20, 22, 24, 28, 30};
        for (std::size_t j = 0; j < places.size(); ++j) {
            const std::size_t at = i * 13 + j;
            put(slot, places[j], 2,
                at < name.size()    ? static_cast<unsigned char>(name[at])
                : at == name.size() ? 0
                                    : 0xffff);
        }
    }
    return slots;
}

void BaseVolume::link(SparseImage& image, std::uint32_t number, std::uint32_t value) const {
    switch (spec.type) {
    case fat::Type::fat32:
        if (std::uint64_t{number} * 4 + 4 <= fat_length)
            image.put(fat + std::uint64_t{number} * 4, 4, value);
        return;
    case fat::Type::fat16:
        if (std::uint64_t{number} * 2 + 2 <= fat_length)
            image.put(fat + std::uint64_t{number} * 2, 2, value);
        return;
    case fat::Type::fat12: {
        const std::uint64_t at = number + std::uint64_t{number / 2};
        if (at + 2 > fat_length)
            return;
        const std::uint64_t pair = image.get(fat + at, 2);
        image.put(fat + at, 2,
                  number % 2 != 0 ? (pair & 0x000f) | (value & 0xfff) << 4
                                  : (pair & 0xf000) | (value & 0xfff));
        return;
    }
    }
}

BaseVolume format_volume(SparseImage& image, std::uint64_t offset, const VolumeSpec& spec) {
    BaseVolume volume;
    volume.offset = offset;
    volume.spec = spec;
    const bool is_32 = spec.type == fat::Type::fat32;
    const std::uint64_t bits = is_32 ? 32 : spec.type == fat::Type::fat16 ? 16 : 12;
    const std::uint64_t cluster_size = std::uint64_t{spec.sector_size} * spec.sectors_per_cluster;
    volume.fat_length =
        rounded((std::uint64_t{spec.clusters} + 2) * bits / 8 + 1, spec.sector_size);
    volume.fat = offset + std::uint64_t{spec.reserved} * spec.sector_size;
    volume.root = volume.fat + spec.fats * volume.fat_length;
    volume.data = volume.root + (is_32 ? 0 : std::uint64_t{spec.root_entries} * fat::slot_size);
    volume.size = volume.data - offset + spec.clusters * cluster_size;
    if (is_32)
        volume.root = volume.data; // cluster 2
    write_boot_sector(image, volume, volume.fat_length / spec.sector_size);

    const std::uint32_t end = 0x0fffffff;
    volume.link(image, 0, 0x0ffffff8);
    volume.link(image, 1, end);
    volume.link(image, 2, end); // FAT32: the root directory
    volume.link(image, 3, 4);   // the kernel, in three pieces
    volume.link(image, 4, 7);
    volume.link(image, 7, 6);
    volume.link(image, 6, end);
    volume.link(image, 5, end);  // a small file
    volume.link(image, 8, end);  // overlays
    volume.link(image, 9, end);  // a file in it
    volume.link(image, 10, end); // a directory in it

    DirectoryWriter root{image, volume.root};
    root.add("BOOT       ", 0x08, 0, 0);
    root.add("KERNEL8 IMG", 0x20, 3, static_cast<std::uint32_t>(3 * cluster_size + 100));
    root.add("CONFIG~1TXT", 0x20, 5, 100, "config of a machine.txt");
    root.add("EMPTY   TXT", 0x21, 0, 0);
    root.add("OVERLAYS   ", 0x10, 8, 0, "overlays");
    DirectoryWriter overlays{image, volume.cluster(8)};
    overlays.add(".          ", 0x10, 8, 0);
    overlays.add("..         ", 0x10, 0, 0);
    overlays.add("VC4-KM~1DTB", 0x20, 9, 50, "vc4-kms-v3d-pi4.dtbo");
    overlays.add("DEEPER     ", 0x10, 10, 0);
    DirectoryWriter deeper{image, volume.cluster(10)};
    deeper.add(".          ", 0x10, 10, 0);
    deeper.add("..         ", 0x10, 8, 0);
    deeper.add("LEAF    TXT", 0x20, 0, 0);
    return volume;
}

const BaseImage& base_image(unsigned number) {
    static const std::vector<BaseImage> images = [] {
        std::vector<BaseImage> all;
        for (unsigned i = 0; i < base_image_count; ++i)
            all.push_back(make(i));
        return all;
    }();
    return images[number % base_image_count];
}

const char* name_of_base_image(unsigned number) {
    static constexpr std::array<const char*, base_image_count> names{
        "fat12",      "fat16", "small_fat32", "fat32_of_2_TiB", "fat32_of_2e28_clusters",
        "fat32_4096", "mbr",   "gpt",         "gpt_4096",       "fat32_of_9M_clusters"};
    return names[number % base_image_count];
}

} // namespace bootview::fuzz
