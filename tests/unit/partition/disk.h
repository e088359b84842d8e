// Disks for the tests of partition tables: made by sfdisk where it can, and by hand where it
// refuses.
#pragma once

#include "fuse-fatimg/partition/table.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bootview::test {

struct Disk {
    std::vector<std::byte> bytes;
    partition::Table read() const;
    ReadAt reader() const;
};

Disk made_by_sfdisk(const std::string& script, std::uint64_t size = 8 << 20);
// Zeros, with the signature of a boot record.
Disk empty_disk(std::size_t size = 1 << 20);

// An entry of the boot record in a sector of 512 bytes; start and size in whatever it counts in.
void put_entry(Disk& disk, std::size_t sector, std::size_t index, std::uint8_t type,
               std::uint32_t start, std::uint32_t size);
// The minimum that makes a FAT12 boot sector valid, for a volume of this many sectors.
void put_fat(Disk& disk, std::uint64_t offset, std::uint16_t sectors = 100);

// A protective MBR and both copies of a GPT with one partition from sector 8 to 15, which counts in
// sectors of this size; the disk ends at `end`, or with its bytes.
void put_gpt(Disk& disk, std::uint64_t sector_size, std::uint64_t end = 0);
// Makes the header checksum right again after a change.
void seal_header(Disk& disk, std::uint64_t offset);

using Numbers = std::vector<unsigned>;
Numbers numbers(const partition::Table& table);
bool has_remark(const partition::Table& table, const std::string& words);

} // namespace bootview::test
