#include "fuse-fatimg/image/packed.h"

#include "common/image_kind.h"
#include "common/shell_word.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

namespace bootview::image {

namespace {

// How to make an image of a format of common/image_kind.h.
struct Packing {
    std::string_view name;
    std::string_view suffix;
    std::string_view unpack;  // {}: a file of that suffix
    std::string_view to_pipe; // where the file has another suffix; empty: the program does not mind
    std::string_view filter;  // of nbdkit, which reads it as it is
};

constexpr std::array packings{
    Packing{"xz", ".xz", "xz -dk {}", "xz -dc < {} > {}.raw", "xz"},
    Packing{"zstd", ".zst", "zstd -d {}", "zstd -dc < {} > {}.raw", ""},
    Packing{"gzip", ".gz", "gunzip -k {}", "gzip -dc < {} > {}.raw", "gzip"},
    Packing{"bzip2", ".bz2", "bunzip2 -k {}", "bzip2 -dc < {} > {}.raw", ""},
    Packing{"zip", ".zip", "unzip {}", "", ""},
    Packing{"7-Zip", ".7z", "7z x {}", "", ""},
};

struct Format {
    std::string_view name;
    std::string_view format; // as QEMU calls it
};

constexpr std::array formats{
    Format{"QCOW2", "qcow2"}, Format{"VMDK", "vmdk"}, Format{"VDI", "vdi"},
    Format{"VHDX", "vhdx"},   Format{"VHD", "vpc"},
};

std::string filled(std::string_view pattern, const std::string& name) {
    std::string text;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        if (pattern.substr(at, 2) == "{}") {
            text += name;
            ++at;
        } else {
            text += pattern[at];
        }
    }
    return text;
}

} // namespace

std::string packed(const Source& source) {
    std::array<char, container_beginning> beginning{};
    if (!source.read(0, std::as_writable_bytes(std::span{beginning})))
        return {};
    const ContainerFormat* const found = container_format({beginning.data(), beginning.size()});
    if (found == nullptr)
        return {};
    // A name that begins with '-' would be an option.
    const std::string name =
        shell_word((source.name().starts_with('-') ? "./" : "") + source.name());
    for (const Packing& packing : packings) {
        if (packing.name != found->name)
            continue;
        const bool is_usual = source.name().ends_with(packing.suffix) || packing.to_pipe.empty();
        std::string text = fmt::format("is packed with {}: unpack it with `{}`", packing.name,
                                       filled(is_usual ? packing.unpack : packing.to_pipe, name));
        if (!packing.filter.empty())
            text += fmt::format(", or serve it with `nbdkit -r -i 127.0.0.1 --filter={} file {}` "
                                "and name nbd://localhost in its place",
                                packing.filter, name);
        return text;
    }
    for (const Format& format : formats)
        if (format.name == found->name)
            return fmt::format("is a {} image: serve it with `qemu-nbd -r -t -b 127.0.0.1 -f {} "
                               "{}` and name nbd://localhost in its place",
                               format.name, format.format, name);
    return {};
}

} // namespace bootview::image
