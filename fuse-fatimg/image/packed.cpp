#include "fuse-fatimg/image/packed.h"

#include "common/shell_word.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

namespace bootview::image {

namespace {

using std::string_view_literals::operator""sv;

struct Packing {
    std::string_view magic;
    std::size_t at;
    std::string_view name;
    std::string_view suffix;
    std::string_view unpack;  // {}: a file of that suffix
    std::string_view to_pipe; // where the file has another suffix; empty: the program does not mind
    std::string_view filter;  // of nbdkit, which reads it as it is
};

constexpr std::array packings{
    Packing{"\xfd"
            "7zXZ\0"sv,
            0, "xz", ".xz", "xz -dk {}", "xz -dc < {} > {}.raw", "xz"},
    Packing{"\x28\xb5\x2f\xfd"sv, 0, "zstd", ".zst", "zstd -d {}", "zstd -dc < {} > {}.raw", ""},
    Packing{"\x1f\x8b\x08"sv, 0, "gzip", ".gz", "gunzip -k {}", "gzip -dc < {} > {}.raw", "gzip"},
    Packing{"1AY&SY"sv, 4, "bzip2", ".bz2", "bunzip2 -k {}", "bzip2 -dc < {} > {}.raw", ""},
    Packing{"PK\x03\x04"sv, 0, "zip", ".zip", "unzip {}", "", ""},
    Packing{"7z\xbc\xaf\x27\x1c"sv, 0, "7-Zip", ".7z", "7z x {}", "", ""},
};

struct Format {
    std::string_view magic;
    std::size_t at;
    std::string_view name;
    std::string_view format; // as QEMU calls it
};

constexpr std::array formats{
    Format{"QFI\xfb"sv, 0, "QCOW2", "qcow2"},
    Format{"KDMV"sv, 0, "VMDK", "vmdk"},
    Format{"# Disk DescriptorFile"sv, 0, "VMDK", "vmdk"},
    Format{"\x7f\x10\xda\xbe"sv, 64, "VDI", "vdi"},
    Format{"vhdxfile"sv, 0, "VHDX", "vhdx"},
    Format{"conectix"sv, 0, "VHD", "vpc"},
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
    std::array<char, 96> beginning{};
    if (!source.read(0, std::as_writable_bytes(std::span{beginning})))
        return {};
    const std::string_view bytes{beginning.data(), beginning.size()};
    // A name that begins with '-' would be an option.
    const std::string name =
        shell_word((source.name().starts_with('-') ? "./" : "") + source.name());
    for (const Packing& packing : packings) {
        if (!bytes.substr(packing.at).starts_with(packing.magic))
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
        if (bytes.substr(format.at).starts_with(format.magic))
            return fmt::format("is a {} image: serve it with `qemu-nbd -r -t -b 127.0.0.1 -f {} "
                               "{}` and name nbd://localhost in its place",
                               format.name, format.format, name);
    return {};
}

} // namespace bootview::image
