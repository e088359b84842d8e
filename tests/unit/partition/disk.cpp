#include "tests/unit/partition/disk.h"

#include "fuse-fatimg/partition/crc32.h"
#include "tests/support/child_process.h"
#include "tests/support/image_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/unit/fat/bytes_builder.h"

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace bootview::test {

ReadAt Disk::reader() const {
    return [this](std::uint64_t at, std::span<std::byte> data) {
        if (at > bytes.size() || data.size() > bytes.size() - at)
            return false;
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), data.size(), data.begin());
        return true;
    };
}

partition::Table Disk::read() const {
    return partition::read_table(reader(), bytes.size());
}

Disk made_by_sfdisk(const std::string& script, std::uint64_t size) {
    const TemporaryDirectory directory;
    const std::string path = directory / "disk";
    write_file(path, "");
    std::filesystem::resize_file(path, size);
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

Disk empty_disk(std::size_t size) {
    Disk disk{std::vector<std::byte>(size)};
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

void put_fat(Disk& disk, std::uint64_t offset, std::uint16_t sectors) {
    const auto at = [&](std::size_t field, std::size_t width, std::uint64_t value) {
        put(disk.bytes, offset + field, width, value);
    };
    at(11, 2, 512);
    at(13, 1, 1);
    at(14, 2, 1);
    at(16, 1, 2);
    at(17, 2, 16);
    at(19, 2, sectors);
    at(21, 1, 0xf8);
    at(22, 2, 1);
}

void seal_header(Disk& disk, std::uint64_t offset) {
    put(disk.bytes, offset + 16, 4, 0);
    put(disk.bytes, offset + 16, 4, partition::crc32(std::span{disk.bytes}.subspan(offset, 92)));
}

void put_gpt(Disk& disk, std::uint64_t sector_size, std::uint64_t end) {
    const std::uint64_t last = (end != 0 ? end : disk.bytes.size()) / sector_size - 1;
    put_entry(disk, 0, 0, 0xee, 1, static_cast<std::uint32_t>(last));
    const std::uint64_t table_sectors = (1024 + sector_size - 1) / sector_size; // 8 entries
    const auto copy = [&](std::uint64_t lba, std::uint64_t other, std::uint64_t entries) {
        const std::uint64_t table = entries * sector_size;
        put(disk.bytes, table, 8, 0x4433221100112233); // the type, and the partition's own
        put(disk.bytes, table + 16, 8, 0x1122334455667788);
        put(disk.bytes, table + 32, 8, 8);
        put(disk.bytes, table + 40, 8, 15);
        const char name[] = "boot";
        for (std::size_t i = 0; i < 4; ++i)
            put(disk.bytes, table + 56 + 2 * i, 2, static_cast<std::uint8_t>(name[i]));
        const std::uint64_t at = lba * sector_size;
        std::copy_n(std::as_bytes(std::span{"EFI PART", 8}).begin(), 8,
                    disk.bytes.begin() + static_cast<std::ptrdiff_t>(at));
        put(disk.bytes, at + 8, 4, 0x10000);
        put(disk.bytes, at + 12, 4, 92);
        put(disk.bytes, at + 24, 8, lba);
        put(disk.bytes, at + 32, 8, other);
        put(disk.bytes, at + 40, 8, 6);
        put(disk.bytes, at + 48, 8, last - 6);
        put(disk.bytes, at + 56, 8, 0x0123456789abcdef);
        put(disk.bytes, at + 72, 8, entries);
        put(disk.bytes, at + 80, 4, 8);
        put(disk.bytes, at + 84, 4, 128);
        put(disk.bytes, at + 88, 4, partition::crc32(std::span{disk.bytes}.subspan(table, 1024)));
        seal_header(disk, at);
    };
    copy(1, last, 2);
    copy(last, 1, last - table_sectors);
}

Numbers numbers(const partition::Table& table) {
    Numbers result;
    for (const auto& partition : table.partitions)
        result.push_back(partition.number);
    return result;
}

bool has_remark(const partition::Table& table, const std::string& words) {
    return std::any_of(table.remarks.begin(), table.remarks.end(), [&](const std::string& remark) {
        return remark.find(words) != std::string::npos;
    });
}

} // namespace bootview::test
