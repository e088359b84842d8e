// An image file or block device, open for reading.
#pragma once

#include "common/descriptor.h"
#include "fuse-fatimg/image/source.h"

#include <string>

namespace bootview::image {

// The file is never mapped: a mapping of an image that somebody truncates kills its reader.
class File final : public Source {
public:
    explicit File(const std::string& path);

    const std::string& name() const override { return path_; }
    std::uint64_t size() const override;
    bool read(std::uint64_t offset, std::span<std::byte> data) const override;
    Stamp stamp() const override;
    // Writes to a block device leave no trace in the times of its node.
    bool stamp_tells() const override { return !block_device_; }
    std::optional<ring::ImageId> id() const override { return id_; }
    uid_t owner() const override { return owner_; }
    bool is_still_there() const override;

private:
    std::string path_;
    Descriptor file_;
    ring::ImageId id_;
    uid_t owner_ = 0;
    bool block_device_ = false;
};

} // namespace bootview::image
