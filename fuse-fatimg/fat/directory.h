// Directories: from raw slots of 32 bytes to entries with names.
//
// Microsoft FAT specification 1.03 §6 and §7; Linux's vfat decides where it is silent.
#pragma once

#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/fat/name.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bootview::fat {

inline constexpr std::size_t slot_size = 32;
inline constexpr std::uint64_t maximum_slots = 65'536; // 2 MiB

enum Attribute : std::uint8_t {
    attribute_read_only = 0x01,
    attribute_hidden = 0x02,
    attribute_system = 0x04,
    attribute_volume_label = 0x08,
    attribute_directory = 0x10,
    attribute_archive = 0x20,
    attribute_long_name = 0x0f, // all of the low four, and nothing else in the low six
};

struct Entry {
    std::string name;       // the long name, or the short one where there is none
    std::string short_name; // as decode_short gives it without case bits
    std::uint32_t slot = 0; // of the short entry, counted from the directory's start
    std::uint8_t attributes = 0;
    Cluster first_cluster = 0;
    std::uint32_t size = 0;
    std::uint16_t modified_date = 0, modified_time = 0;
    std::uint16_t created_date = 0, created_time = 0;
    std::uint8_t created_tenths = 0;
    std::uint16_t accessed_date = 0;

    bool is_directory() const { return (attributes & attribute_directory) != 0; }
    // The same file with the same attributes, but for when it was last read.
    bool is_same_version(const Entry& other) const;
};

struct Directory {
    std::vector<Entry> entries; // without ".", "..", labels and names that no kernel may be given
    bool begins_with_dots = false; // its first two entries are "." and ".."
    std::uint32_t directories = 0; // entries that are directories, the dots among them
    std::string label;             // of the volume, where this directory holds it
};

// Parses a directory. Ends at the first slot that begins with a zero.
Directory parse_directory(std::span<const std::byte> data, Type type,
                          const CodePage& code_page = CodePage::cp437());

} // namespace bootview::fat
