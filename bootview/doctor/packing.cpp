#include "bootview/doctor/packing.h"

#include "bootview/paths.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace bootview::doctor {

namespace {

using std::string_view_literals::operator""sv;

struct Program {
    Packing packing;
    std::string_view magic;
    std::string_view name;
    std::string_view option;
    const char* package;
};

constexpr std::array programs{
    Program{Packing::gzip, "\x1f\x8b\x08"sv, "gzip"sv, "-dc"sv, "gzip"},
    Program{Packing::xz,
            "\xfd"
            "7zXZ\0"sv,
            "xz"sv, "-dc"sv, "xz-utils"},
    Program{Packing::zstd, "\x28\xb5\x2f\xfd"sv, "zstd"sv, "-dcq"sv, "zstd"},
    // The old format, which is the one that Linux takes (lib/decompress_unlz4.c).
    Program{Packing::lz4, "\x02\x21\x4c\x18"sv, "lz4"sv, "-dcq"sv, "lz4"},
    Program{Packing::bzip2, "BZh"sv, "bzip2"sv, "-dc"sv, "bzip2"},
    Program{Packing::lzma, "\x5d\0\0"sv, "xz"sv, "-dc"sv, "xz-utils"},
    Program{Packing::lzop, "\x89LZO"sv, "lzop"sv, "-dc"sv, "lzop"},
};

const Program& program_of(Packing packing) {
    return *std::find_if(programs.begin(), programs.end(),
                         [&](const Program& program) { return program.packing == packing; });
}

} // namespace

std::optional<Packing> packing_of(std::span<const std::byte> bytes) {
    for (const Program& program : programs)
        if (bytes.size() >= program.magic.size() &&
            std::equal(program.magic.begin(), program.magic.end(), bytes.begin(),
                       [](char a, std::byte b) { return static_cast<std::byte>(a) == b; }))
            return program.packing;
    return std::nullopt;
}

UnpackResult unpack(Packing packing, std::span<const std::byte> bytes, const Sink& sink) {
    const Program& program = program_of(packing);
    if (!find_in_path(std::string(program.name), search_path_of_environment()))
        return UnpackResult::no_such_program;
    std::vector<std::string> words{std::string(program.name), std::string(program.option)};
    if (packing == Packing::lzma)
        words.insert(words.begin() + 1, "--format=lzma");
    const int status = run_filter(words, bytes, sink);
    // gzip warns of zeros behind the end, which are only padding, with status 2.
    return status == 0 || (status == 2 && packing == Packing::gzip) ? UnpackResult::complete
                                                                    : UnpackResult::damaged;
}

const char* package_of(Packing packing) {
    return program_of(packing).package;
}

} // namespace bootview::doctor
