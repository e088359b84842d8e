// Compressed bytes, by what they begin with, and the system's own programs that unpack them.
#pragma once

#include "bootview/run_command.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace bootview::doctor {

enum class Packing { gzip, xz, zstd, lz4, bzip2, lzma, lzop };

std::optional<Packing> packing_of(std::span<const std::byte> bytes);

enum class UnpackResult {
    complete,
    damaged,         // it ends early, or is none
    no_such_program, // the one that unpacks it is not installed
};
using Unpack = std::function<UnpackResult(Packing, std::span<const std::byte>, const Sink&)>;

// By the system's programs.
UnpackResult unpack(Packing packing, std::span<const std::byte> bytes, const Sink& sink);
// Which package has it: "zstd", "xz-utils".
const char* package_of(Packing packing);

} // namespace bootview::doctor
