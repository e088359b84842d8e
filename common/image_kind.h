// What a file in a directory of images is: an image, or something that lies beside one.
//
// The ending of its name decides first, because it says what the user means and no write to the
// image changes it. Only where the ending says nothing does the content decide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace bootview {

// A format in which the bytes of a disk are not at their offsets.
struct ContainerFormat {
    std::string_view name; // "xz", "QCOW2"
    std::string_view magic;
    std::size_t at;
    bool is_packing; // false: the format of a virtual machine's disk
};
// By how a file begins: container_beginning bytes, or all of a shorter file. Null: none is known.
inline constexpr std::size_t container_beginning = 96;
const ContainerFormat* container_format(std::string_view beginning);

enum class FileKind {
    image,
    packed,  // packed, or a virtual machine's format: could become an image
    other,   // a text, a checksum, a backup, an unfinished download …
    unknown, // neither its ending nor its content says
};

// Fills the whole span from a byte offset. False: the file ends before, or cannot be read.
using ReadBytes = std::function<bool(std::uint64_t offset, std::span<char> bytes)>;

// By the ending alone. FileKind::image is not the last word: an image may be packed and not say so.
FileKind kind_by_name(std::string_view file_name);
// By ending and content. Reads at most 5 kB.
FileKind kind_of_file(std::string_view file_name, std::uint64_t size, const ReadBytes& read);

} // namespace bootview
