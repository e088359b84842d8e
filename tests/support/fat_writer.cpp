#include "tests/support/fat_writer.h"

#include "fuse-fatimg/fat/chain.h"
#include "fuse-fatimg/fat/directory.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>
#include <libnbd.h>

namespace bootview::test {

namespace {

void check(int result) {
    if (result < 0)
        throw std::runtime_error(fmt::format("libnbd: {}", ::nbd_get_error()));
}

} // namespace

FatWriter::FatWriter(const std::string& uri, std::uint64_t offset) : offset_(offset) {
    nbd_ = ::nbd_create();
    if (nbd_ == nullptr)
        throw std::runtime_error("nbd_create failed");
    check(::nbd_connect_uri(nbd_, uri.c_str()));
    read_volume();
}

FatWriter::~FatWriter() {
    if (nbd_ != nullptr) {
        ::nbd_shutdown(nbd_, 0);
        ::nbd_close(nbd_);
    }
}

void FatWriter::pwrite(std::uint64_t offset, const std::byte* data, std::size_t size) {
    check(::nbd_pwrite(nbd_, data, size, offset_ + offset, 0));
}

void FatWriter::pread(std::uint64_t offset, std::byte* data, std::size_t size) {
    constexpr std::size_t most = 1 << 20;
    for (std::size_t done = 0; done < size; done += most)
        check(::nbd_pread(nbd_, data + done, std::min(most, size - done), offset_ + offset + done,
                          0));
}

void FatWriter::flush() {
    check(::nbd_flush(nbd_, 0));
}

void FatWriter::read_volume() {
    std::array<std::byte, fat::boot_sector_size> sector{};
    pread(0, sector.data(), sector.size());
    geometry_ = fat::parse_boot_sector(sector);
    fat_.resize(geometry_.fat_length);
    pread(geometry_.fat_offset, fat_.data(), fat_.size());
    dirty_fat_sectors_.assign(fat_.size() / 512, false);
    if (geometry_.type == fat::Type::fat12)
        throw std::runtime_error("FatWriter knows FAT16 and FAT32 only");

    const ReadAt read = [this](std::uint64_t at, std::span<std::byte> data) {
        pread(at, data.data(), data.size());
        return true;
    };
    const Range root = geometry_.type == fat::Type::fat32
                           ? fat::read_directory_chain(read, geometry_, geometry_.root_cluster)
                                 .extents.ranges()
                                 .front()
                           : Range{geometry_.root_offset, geometry_.root_entries * 32ULL};
    std::vector<std::byte> data(root.length);
    pread(root.offset, data.data(), data.size());
    for (const fat::Entry& entry : fat::parse_directory(data, geometry_.type).entries) {
        if (entry.is_directory())
            continue;
        File file{root.offset + entry.slot * 32ULL, {}, entry.size};
        const fat::Chain chain =
            fat::read_file_chain(read, geometry_, entry.first_cluster, entry.size);
        for (const Range& extent : chain.extents.ranges())
            for (std::uint64_t at = extent.offset; at < extent.end(); at += cluster_size())
                file.chain.push_back(
                    static_cast<fat::Cluster>((at - geometry_.data_offset) / cluster_size() + 2));
        files_.emplace(entry.name, std::move(file));
    }
    const std::size_t width = geometry_.type == fat::Type::fat32 ? 4 : 2;
    for (fat::Cluster cluster = geometry_.clusters + 1; cluster >= 2; --cluster) {
        std::uint32_t value = 0;
        std::memcpy(&value, fat_.data() + cluster * width, width);
        if (value == 0)
            free_.push_back(cluster);
    }
}

void FatWriter::set_fat(fat::Cluster cluster, std::uint32_t value) {
    const std::size_t width = geometry_.type == fat::Type::fat32 ? 4 : 2;
    std::memcpy(fat_.data() + cluster * width, &value, width);
    dirty_fat_sectors_[cluster * width / 512] = true;
}

// Both copies, in runs of neighbouring sectors.
void FatWriter::write_dirty_fat() {
    for (unsigned copy = 0; copy < geometry_.fats; ++copy)
        for (std::size_t i = 0; i < dirty_fat_sectors_.size(); ++i) {
            if (!dirty_fat_sectors_[i])
                continue;
            std::size_t end = i;
            while (end < dirty_fat_sectors_.size() && dirty_fat_sectors_[end])
                ++end;
            pwrite(geometry_.fat_offset + copy * geometry_.fat_length + i * 512,
                   fat_.data() + i * 512, (end - i) * 512);
            i = end;
        }
    std::fill(dirty_fat_sectors_.begin(), dirty_fat_sectors_.end(), false);
}

void FatWriter::leave_free(std::uint32_t clusters) {
    const std::uint32_t bad = geometry_.type == fat::Type::fat32 ? 0x0ffffff7 : 0xfff7;
    while (free_.size() > clusters) {
        set_fat(free_.front(), bad);
        free_.erase(free_.begin());
        if (free_.size() % 4096 == 0)
            write_dirty_fat();
    }
    write_dirty_fat();
}

std::vector<fat::Cluster> FatWriter::allocate(std::size_t bytes) {
    std::vector<fat::Cluster> chain;
    const std::size_t count = (bytes + cluster_size() - 1) / cluster_size();
    if (free_.size() < count)
        throw std::runtime_error("FatWriter: the volume is full");
    for (std::size_t i = 0; i < count; ++i) {
        chain.push_back(free_.back());
        free_.pop_back();
    }
    return chain;
}

// In order, so that the last in is the first of the chain: taken again in the same order.
void FatWriter::release(const std::vector<fat::Cluster>& chain) {
    free_.insert(free_.end(), chain.rbegin(), chain.rend());
}

void FatWriter::write_data(const std::vector<fat::Cluster>& chain,
                           const std::vector<std::byte>& data) {
    for (std::size_t i = 0; i < chain.size();) {
        std::size_t end = i + 1;
        while (end < chain.size() && chain[end] == chain[end - 1] + 1)
            ++end;
        const std::size_t begin_byte = i * cluster_size();
        const std::size_t end_byte = std::min<std::size_t>(end * cluster_size(), data.size());
        pwrite(geometry_.offset_of(chain[i]), data.data() + begin_byte, end_byte - begin_byte);
        i = end;
    }
}

void FatWriter::link(const std::vector<fat::Cluster>& chain) {
    const std::uint32_t last = geometry_.type == fat::Type::fat32 ? 0x0fffffff : 0xffff;
    for (std::size_t i = 0; i < chain.size(); ++i)
        set_fat(chain[i], i + 1 < chain.size() ? chain[i + 1] : last);
    write_dirty_fat();
}

void FatWriter::unlink(const std::vector<fat::Cluster>& chain) {
    for (const fat::Cluster cluster : chain)
        set_fat(cluster, 0);
    write_dirty_fat();
}

// The sector that holds the entry, as a whole.
void FatWriter::write_entry(File& file, fat::Cluster first, std::uint32_t size) {
    std::array<std::byte, 512> sector{};
    const std::uint64_t at = file.entry_offset / 512 * 512;
    pread(at, sector.data(), sector.size());
    std::byte* entry = sector.data() + file.entry_offset % 512;
    const auto put16 = [&](std::size_t field, std::uint32_t value) {
        entry[field] = static_cast<std::byte>(value & 0xff);
        entry[field + 1] = static_cast<std::byte>(value >> 8 & 0xff);
    };
    if (geometry_.type == fat::Type::fat32)
        put16(20, first >> 16);
    put16(22, time_ = static_cast<std::uint16_t>((time_ + 1) & 0x7fff));
    put16(26, first);
    put16(28, size);
    put16(30, size >> 16);
    pwrite(at, sector.data(), sector.size());
    file.size = size;
}

bool FatWriter::is_contiguous(const std::string& name) const {
    const auto& chain = files_.at(name).chain;
    return std::adjacent_find(chain.begin(), chain.end(), [](fat::Cluster a, fat::Cluster b) {
               return a + 1 != b;
           }) == chain.end();
}

void FatWriter::overwrite(const std::string& name, const std::vector<std::byte>& data) {
    const File& file = files_.at(name);
    if (data.size() != file.size || !is_contiguous(name))
        throw std::runtime_error("FatWriter::overwrite: not the same size, or fragmented");
    write_data(file.chain, data);
}

void FatWriter::truncate_and_rewrite(const std::string& name, const std::vector<std::byte>& data) {
    File& file = files_.at(name);
    write_entry(file, 0, 0);
    unlink(file.chain);
    release(file.chain);
    file.chain = allocate(data.size());
    write_data(file.chain, data);
    link(file.chain);
    write_entry(file, file.chain.empty() ? 0 : file.chain.front(),
                static_cast<std::uint32_t>(data.size()));
}

void FatWriter::replace(const std::string& name, const std::vector<std::byte>& data) {
    File& file = files_.at(name);
    const std::vector<fat::Cluster> old = file.chain;
    file.chain = allocate(data.size());
    write_data(file.chain, data);
    link(file.chain);
    write_entry(file, file.chain.empty() ? 0 : file.chain.front(),
                static_cast<std::uint32_t>(data.size()));
    unlink(old);
    release(old);
}

} // namespace bootview::test
