// A regular file or block device, open for one NBD connection: what nbdkit's file plugin does with
// it, plus a zero that always works. Knows nothing of nbdkit nor of the change ring.
//
// Offsets and counts are bytes and lie inside the image. Everything throws std::system_error with
// the errno value. Any number of threads may use one ImageFile.
#pragma once

#include "change-ring/publisher.h"
#include "common/descriptor.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace bootview::plugin {

enum class CacheMode { normal, none };

struct OpenOptions {
    bool readonly = false;
    CacheMode cache = CacheMode::normal;
    int fadvise = 0; // a POSIX_FADV_ value
};

struct Extent {
    std::uint64_t offset;
    std::uint64_t length;
    bool hole; // unallocated, reads as zeroes
};

enum class ZeroHow {
    any,      // may punch a hole
    allocate, // the range must stay allocated (NBD_CMD_FLAG_NO_HOLE)
};

class ImageFile {
public:
    // Opens for reading and writing, or for reading only where writing is not permitted.
    ImageFile(const std::string& path, const OpenOptions& options);

    std::uint64_t size() const { return size_; }
    bool writable() const { return writable_; }
    bool can_extents() const { return can_extents_; }
    bool can_trim() const;
    ring::ImageId id() const { return ring::identify(file_.get()); }

    // For as long as this is open: locks and the like; not for reading or writing.
    int descriptor() const { return file_.get(); }

    void read(std::span<std::byte> data, std::uint64_t offset);
    void write(std::span<const std::byte> data, std::uint64_t offset);
    void sync();
    // Makes the range read as zeroes. With `fast_only`, fails with EOPNOTSUPP at once unless that
    // takes less time than writing the zeroes.
    void zero(std::uint64_t offset, std::uint64_t count, ZeroHow how, bool fast_only);
    void trim(std::uint64_t offset, std::uint64_t count); // advice: a device that can't, doesn't
    std::vector<Extent> extents(std::uint64_t offset, std::uint64_t count, bool only_first);
    void prefetch(std::uint64_t offset, std::uint64_t count);

private:
    struct Range {
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };

    bool fallocate(int mode, std::uint64_t offset, std::uint64_t count,
                   std::atomic<bool>& supported);
    bool zero_by_device(std::uint64_t offset, std::uint64_t count);
    void write_zeroes(std::uint64_t offset, std::uint64_t count);
    void forget_written(std::uint64_t offset, std::uint64_t count);

    Descriptor file_;
    std::uint64_t size_ = 0;
    bool writable_ = false;
    bool block_device_ = false;
    bool can_extents_ = false;
    CacheMode cache_;
    std::uint32_t device_sector_ = 512;
    // Cleared for good when the kernel says that this file or device cannot do it.
    std::atomic<bool> can_punch_{true};
    std::atomic<bool> can_zero_range_{true};
    std::atomic<bool> can_allocate_{true};
    std::atomic<bool> can_device_zero_{true};

    // cache=none: written ranges whose write-back was begun, oldest first in a circle. The oldest
    // is waited for and dropped from the page cache when its place is needed.
    std::mutex evict_mutex_; // guards the next two
    std::array<Range, 8> evicting_{};
    std::size_t next_evict_ = 0;
};

} // namespace bootview::plugin
