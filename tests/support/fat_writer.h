// An NBD client that rewrites files of a FAT volume, as fast as it can and in an order in which
// every state of the disk that looks complete is complete.
//
// It stands for a client machine's file system where a test must know exactly which versions of a
// file ever existed on the disk. Clusters are taken from the ones freed last, so that data of a new
// version lands at once where an old one's was: the hardest case for a reader.
#pragma once

#include "fuse-fatimg/fat/boot_sector.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct nbd_handle;

namespace bootview::test {

class FatWriter {
public:
    // Connects to an NBD URI and reads the volume at `offset`. The files it will write must exist,
    // in the root directory, with 8.3 names.
    FatWriter(const std::string& uri, std::uint64_t offset);
    ~FatWriter();
    FatWriter(const FatWriter&) = delete;
    FatWriter& operator=(const FatWriter&) = delete;

    // Leaves only so many clusters free, by marking others as bad.
    void leave_free(std::uint32_t clusters);
    std::uint32_t free_clusters() const { return static_cast<std::uint32_t>(free_.size()); }
    std::uint32_t cluster_size() const { return geometry_.cluster_size; }

    // New data over the old, in the same clusters. The size must be the file's and its clusters
    // must be contiguous, so that it is a single NBD write: there is no moment between.
    void overwrite(const std::string& name, const std::vector<std::byte>& data);
    bool is_contiguous(const std::string& name) const;

    // Truncate, free, write, link: as an editor does that opens with O_TRUNC. For a moment the
    // file is empty.
    void truncate_and_rewrite(const std::string& name, const std::vector<std::byte>& data);

    // New clusters, then the directory entry is replaced, then the old ones are freed: as
    // rename(2) over the old file does.
    void replace(const std::string& name, const std::vector<std::byte>& data);

    void flush();

private:
    struct File {
        std::uint64_t entry_offset; // of the 32 bytes, in the volume
        std::vector<fat::Cluster> chain;
        std::uint32_t size;
    };

    void read_volume();
    std::vector<fat::Cluster> allocate(std::size_t bytes);
    void release(const std::vector<fat::Cluster>& chain);
    void write_data(const std::vector<fat::Cluster>& chain, const std::vector<std::byte>& data);
    void link(const std::vector<fat::Cluster>& chain);
    void unlink(const std::vector<fat::Cluster>& chain);
    void write_entry(File& file, fat::Cluster first, std::uint32_t size);
    void set_fat(fat::Cluster cluster, std::uint32_t value);
    void write_dirty_fat();
    void pwrite(std::uint64_t offset, const std::byte* data, std::size_t size);
    void pread(std::uint64_t offset, std::byte* data, std::size_t size);

    nbd_handle* nbd_ = nullptr;
    std::uint64_t offset_;
    fat::Geometry geometry_;
    std::vector<std::byte> fat_;
    std::vector<bool> dirty_fat_sectors_;
    std::vector<fat::Cluster> free_; // the next one to take is at the back
    std::map<std::string, File, std::less<>> files_;
    std::uint16_t time_ = 0;
};

} // namespace bootview::test
