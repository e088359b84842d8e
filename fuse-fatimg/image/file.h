// An image file or block device, open for reading.
#pragma once

#include "change-ring/publisher.h"
#include "common/descriptor.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <sys/types.h>
#include <time.h>

namespace bootview::image {

// What stat(2) shows of a change.
struct Stamp {
    std::uint64_t size = 0;
    timespec modified{};
    timespec changed{};
    friend bool operator==(const Stamp& a, const Stamp& b) {
        return a.size == b.size && a.modified.tv_sec == b.modified.tv_sec &&
               a.modified.tv_nsec == b.modified.tv_nsec && a.changed.tv_sec == b.changed.tv_sec &&
               a.changed.tv_nsec == b.changed.tv_nsec;
    }
};

// Any number of threads may read. Throws std::system_error.
class File {
public:
    explicit File(const std::string& path);

    const std::string& path() const { return path_; }
    ring::ImageId id() const { return id_; }
    uid_t owner() const { return owner_; }
    bool is_block_device() const { return block_device_; }
    std::uint64_t size() const; // now: a file may grow
    Stamp stamp() const;

    // True while the path still leads to this very file.
    bool is_still_there() const;

    // Fills `data`; false when the image ends before. The file is never mapped: a mapping of an
    // image that somebody truncates kills its reader.
    bool read(std::uint64_t offset, std::span<std::byte> data) const;

private:
    std::string path_;
    Descriptor file_;
    ring::ImageId id_;
    uid_t owner_ = 0;
    bool block_device_ = false;
};

} // namespace bootview::image
