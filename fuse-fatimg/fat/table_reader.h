// Reads entries of the file allocation table, by pages.
//
// A page is read when an entry on it is asked for and kept, up to a bound, so a chain that jumps
// about reads each page once, and no table is ever read whole.
#pragma once

#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/image/range.h"
#include "fuse-fatimg/image/read_at.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

namespace bootview::fat {

// Values of an entry, as FAT32 has them; the shorter ones are widened.
inline constexpr std::uint32_t entry_free = 0;
inline constexpr std::uint32_t entry_bad = 0x0ffffff7;
inline constexpr std::uint32_t entry_end = 0x0ffffff8; // this and above

// That part of the table is not there: the image or the partition ends before.
struct TableCut : std::system_error {
    TableCut() : std::system_error(EIO, std::generic_category(), "reading the FAT") {}
};

// For one chain; not thread-safe. Throws TableCut, and what reading throws.
class TableReader {
public:
    TableReader(const ReadAt& read, const Geometry& geometry);

    std::uint32_t entry(Cluster cluster);

    // How many pages were read, those among them that were read again.
    std::uint64_t pages_read() const { return pages_read_; }
    // The sectors that were looked at, in bytes of the volume; joined where they touch. Where they
    // are very many, with what lies between them.
    std::vector<Range> touched() const;

private:
    static constexpr std::uint64_t page_size = 4096;
    static constexpr std::size_t maximum_pages = 8192; // 32 MiB: the table of 8 million clusters
    using Bytes = std::array<std::byte, page_size>;
    struct Page {
        std::unique_ptr<Bytes> bytes; // null: not kept
        std::uint8_t touched = 0;     // a bit for each 512 bytes
        std::uint8_t missing = 0;     // the same: these are not there
    };
    // Pages are found by their number, in two steps: a chain that jumps about asks for another one
    // at every cluster, and a hash table would cost as much as all the rest.
    static constexpr std::uint64_t pages_per_block = 512;
    using Block = std::array<Page, pages_per_block>;

    Page& page(std::uint64_t index);
    const Bytes& bytes_at(std::uint64_t at); // those of the page; a note is taken
    void read_by_sectors(std::uint64_t start, Page& page, std::span<std::byte> bytes) const;

    const ReadAt& read_;
    const Geometry& geometry_;
    std::vector<std::unique_ptr<Block>> blocks_; // those with a page that was ever needed
    std::size_t kept_ = 0;
    std::uint64_t pages_read_ = 0;
};

} // namespace bootview::fat
