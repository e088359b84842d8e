// An image in memory, as the view knows images.
#pragma once

#include "fuse-fatimg/image/source.h"
#include "tests/fuzz/sparse_image.h"

#include <cstdint>
#include <string>

namespace bootview::fuzz {

// The image must outlive it, and may change when touch() is called.
class MemorySource final : public image::Source {
public:
    explicit MemorySource(const SparseImage& image) : image_(image) {}

    void touch() { ++version_; }

    const std::string& name() const override { return name_; }
    std::uint64_t size() const override { return image_.size(); }
    bool read(std::uint64_t offset, std::span<std::byte> data) const override {
        return image_.read(offset, data);
    }
    image::Stamp stamp() const override { return {image_.size(), {version_, 1}, {version_, 1}}; }
    bool stamp_tells() const override { return true; }
    std::optional<ring::ImageId> id() const override { return std::nullopt; }
    uid_t owner() const override { return 0; }
    bool is_still_there() const override { return true; }

private:
    const SparseImage& image_;
    std::string name_ = "memory";
    time_t version_ = 1;
};

} // namespace bootview::fuzz
