// File contents that say of themselves which version of which file they are: a reader can tell
// from any 512 bytes, and from a whole file whether it is exactly one version.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::test {

inline constexpr std::size_t content_block = 512;

// `size` bytes; a multiple of content_block.
std::vector<std::byte> make_content(std::uint32_t file, std::uint64_t version, std::size_t size);

// The same bytes as text, for what takes that.
inline std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Verdict {
    bool whole = false;        // exactly one version of one file, from its first byte to its last
    std::uint32_t file = 0;    // of the first block
    std::uint64_t version = 0; // of the first block
    std::string problem;       // what is mixed, if it is
};
Verdict judge_content(std::span<const std::byte> data);

} // namespace bootview::test
