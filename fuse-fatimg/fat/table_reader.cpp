#include "fuse-fatimg/fat/table_reader.h"

#include "fuse-fatimg/image/bytes.h"

#include <algorithm>

namespace bootview::fat {

namespace {

constexpr std::uint32_t fat32_mask = 0x0fffffff; // the high four bits are reserved
constexpr std::uint64_t unit = 512;              // what touched_ counts in: the smallest sector
constexpr std::size_t very_many = 1024;

} // namespace

TableReader::TableReader(const ReadAt& read, const Geometry& geometry)
    : read_(read), geometry_(geometry) {}

std::uint32_t TableReader::entry(Cluster cluster) {
    std::uint32_t value = 0;
    std::uint32_t widest = 0; // from here on, values do not name a cluster
    switch (geometry_.type) {
    case Type::fat12: {
        // One and a half bytes each, so an entry may lie across two sectors, and across two pages.
        const std::uint64_t at = cluster + cluster / 2;
        const std::uint32_t low = get8(bytes_at(at), at % page_size);
        const std::uint32_t high = get8(bytes_at(at + 1), (at + 1) % page_size);
        const std::uint32_t pair = low | high << 8;
        value = cluster % 2 != 0 ? pair >> 4 : pair & 0xfff;
        widest = 0xff7;
        break;
    }
    case Type::fat16: {
        const std::uint64_t at = std::uint64_t{cluster} * 2;
        value = get16(bytes_at(at), at % page_size);
        widest = 0xfff7;
        break;
    }
    case Type::fat32: {
        const std::uint64_t at = std::uint64_t{cluster} * 4;
        return get32(bytes_at(at), at % page_size) & fat32_mask;
    }
    }
    return value >= widest ? value - widest + entry_bad : value;
}

TableReader::Page& TableReader::page(std::uint64_t index) {
    const std::size_t block = static_cast<std::size_t>(index / pages_per_block);
    if (block >= blocks_.size())
        blocks_.resize(block + 1);
    if (!blocks_[block])
        blocks_[block] = std::make_unique<Block>();
    return (*blocks_[block])[index % pages_per_block];
}

const TableReader::Bytes& TableReader::bytes_at(std::uint64_t at) {
    const std::uint64_t index = at / page_size;
    Page& wanted = page(index);
    const auto bit = static_cast<std::uint8_t>(1U << at % page_size / unit);
    wanted.touched |= bit;
    if (wanted.bytes) {
        if ((wanted.missing & bit) != 0)
            throw TableCut{};
        return *wanted.bytes;
    }
    if (kept_ == maximum_pages) { // rarely: all of them go, and what is needed comes again
        for (const auto& block : blocks_)
            if (block)
                for (Page& other : *block)
                    other.bytes.reset();
        kept_ = 0;
    }
    auto fresh = std::make_unique<Bytes>();
    const std::uint64_t start = index * page_size;
    const std::size_t length =
        static_cast<std::size_t>(std::min(page_size, geometry_.fat_length - start));
    const auto bytes = std::span{*fresh}.first(length);
    wanted.missing = 0;
    if (!read_(geometry_.active_fat_offset() + start, bytes))
        read_by_sectors(start, wanted, bytes);
    wanted.bytes = std::move(fresh);
    ++kept_;
    ++pages_read_;
    if ((wanted.missing & bit) != 0)
        throw TableCut{};
    return *wanted.bytes;
}

// Where a page is not wholly there, what there is of it counts.
void TableReader::read_by_sectors(std::uint64_t start, Page& page,
                                  std::span<std::byte> bytes) const {
    for (std::uint64_t at = 0; at < bytes.size(); at += unit)
        if (!read_(geometry_.active_fat_offset() + start + at,
                   bytes.subspan(at, std::min<std::uint64_t>(unit, bytes.size() - at))))
            page.missing |= static_cast<std::uint8_t>(1U << at / unit);
}

std::vector<Range> TableReader::touched() const {
    const std::uint64_t sector = geometry_.sector_size;
    std::vector<Range> ranges;
    const auto add = [&](std::uint64_t page, std::uint8_t touched) {
        for (std::uint64_t i = 0; touched >> i != 0; ++i) {
            if ((touched >> i & 1) == 0)
                continue;
            // Writers write whole sectors, which may be larger than what is counted here.
            const std::uint64_t at = (page * page_size + i * unit) / sector * sector;
            const std::uint64_t offset = geometry_.active_fat_offset() + at;
            if (!ranges.empty() && offset <= ranges.back().end())
                ranges.back().length = offset + sector - ranges.back().offset;
            else
                ranges.push_back({offset, sector});
        }
    };
    for (std::uint64_t block = 0; block < blocks_.size(); ++block)
        for (std::uint64_t i = 0; blocks_[block] && i < pages_per_block; ++i)
            add(block * pages_per_block + i, (*blocks_[block])[i].touched);
    if (ranges.size() <= very_many)
        return ranges;
    std::vector<Range> joined;
    for (const Range& range : ranges)
        append_joined(joined, range);
    return joined;
}

} // namespace bootview::fat
