// The files on a FAT of an image, read directly: no mount, no server. One look at one moment; who
// wants to be right while the image is written uses fuse-fatimg.
#pragma once

#include "fuse-fatimg/fat/boot_sector.h"
#include "fuse-fatimg/fat/directory.h"
#include "fuse-fatimg/image/range.h"
#include "fuse-fatimg/image/read_at.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::doctor {

// What was to be read contradicts itself.
struct Damaged : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Names are paths with '/', from the volume's root; letters of either case are the same. Throws
// Damaged, and what reading throws.
class BootVolume {
public:
    // `range`: the partition, in bytes of the image. Throws fat::Refused where it holds no FAT.
    BootVolume(ReadAt image, const Range& range);

    const fat::Geometry& geometry() const { return geometry_; }
    std::optional<fat::Entry> find(std::string_view path) const;
    bool has_file(std::string_view path) const;
    // Those of a directory; nothing where there is none.
    std::vector<fat::Entry> list(std::string_view path) const;
    // At most so many bytes from its beginning. Nothing: there is no such file.
    std::optional<std::vector<std::byte>> read(std::string_view path, std::uint64_t most) const;
    // Throws Damaged if its clusters are.
    std::vector<std::byte> read(const fat::Entry& file, std::uint64_t most) const;
    std::vector<fat::Entry> list(const fat::Entry& directory) const;
    std::optional<std::string> read_text(std::string_view path) const;
    std::optional<std::uint64_t> free_bytes() const;

private:
    std::vector<fat::Entry> entries_at(fat::Cluster first) const;

    ReadAt read_;
    fat::Geometry geometry_;
};

} // namespace bootview::doctor
