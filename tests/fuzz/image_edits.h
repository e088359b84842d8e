// What an input does to a base image: a list of edits, each a few bytes, that reach every structure
// of it by name, so that a mutation of one byte moves a link, a field or a name and leaves the rest
// valid.
#pragma once

#include "tests/fuzz/base_images.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/sparse_image.h"

#include <cstdint>
#include <vector>

namespace bootview::fuzz {

// What an edit begins with: this, and 16 times the number of the volume it is about.
enum class Edit : std::uint8_t {
    bytes,     // part, offset (2), count, bytes
    far_bytes, // offset in the image (5), count, bytes
    field,     // offset in the boot sector, width, value (4)
    link,      // cluster (4), what its entry says (4)
    chain,     // first cluster (4), count (2), stride (2): a chain of its own
    entries,   // directory, slot (2), count (2), short name (11), attributes, cluster (4), size (4)
    long_name, // directory, slot (2), units, short name (11), attributes, cluster (4), size (4),
               // the name's bytes
    resize,    // the image's size (5)
    mend_gpt,  // its checksums are made right
    look_around, // what follows happens while the image is mounted
    count,
};

// Parts for Edit::bytes; directories for the others are the ones among them.
enum class Part : std::uint8_t {
    boot_sector,
    information,
    fat,
    root,
    overlays,
    deeper,
    data,
    mbr,
    gpt_header,
    gpt_entries,
    image_end,
    count,
};

class Editor {
public:
    Editor(SparseImage& image, const std::vector<BaseVolume>& volumes)
        : image_(image), volumes_(volumes) {}

    // Applies edits up to the end of the input or to a look_around; true for the latter.
    bool apply(Input& input);

private:
    void edit(Edit kind, const BaseVolume& volume, Input& input);
    void chain(const BaseVolume& volume, Input& input);
    void entries(const BaseVolume& volume, Input& input);
    void long_name(const BaseVolume& volume, Input& input);
    void mend_gpt(std::uint64_t header, std::uint64_t sector_size);
    std::uint64_t place(const BaseVolume& volume, std::uint8_t part) const;

    SparseImage& image_;
    const std::vector<BaseVolume>& volumes_;
    std::uint32_t budget_ = 60'000; // writes; so that no input takes long to prepare
};

} // namespace bootview::fuzz
