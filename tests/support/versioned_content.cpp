#include "tests/support/versioned_content.h"

#include <cstring>

#include <fmt/format.h>

namespace bootview::test {

namespace {

struct Stamp {
    std::uint64_t magic;
    std::uint64_t version;
    std::uint64_t size;
    std::uint32_t file;
    std::uint32_t block;
};

constexpr std::uint64_t magic_number = 0x626f6f7476696577;

// The rest of a block also depends on its stamp, so that half a block can't pass for a whole one.
std::uint64_t filler(const Stamp& stamp, std::size_t word) {
    std::uint64_t x = stamp.version * 0x9e3779b97f4a7c15 ^ std::uint64_t{stamp.file} << 40 ^
                      std::uint64_t{stamp.block} << 8 ^ word;
    x ^= x >> 31;
    return x * 0xbf58476d1ce4e5b9;
}

constexpr std::size_t words = (content_block - sizeof(Stamp)) / 8;

} // namespace

std::vector<std::byte> make_content(std::uint32_t file, std::uint64_t version, std::size_t size) {
    std::vector<std::byte> data(size);
    for (std::size_t at = 0; at + content_block <= size; at += content_block) {
        const Stamp stamp{magic_number, version, size, file,
                          static_cast<std::uint32_t>(at / content_block)};
        std::memcpy(data.data() + at, &stamp, sizeof stamp);
        for (std::size_t i = 0; i < words; ++i) {
            const std::uint64_t value = filler(stamp, i);
            std::memcpy(data.data() + at + sizeof stamp + i * 8, &value, 8);
        }
    }
    return data;
}

Verdict judge_content(std::span<const std::byte> data) {
    Verdict verdict;
    Stamp first{};
    if (data.size() < content_block) {
        verdict.problem = fmt::format("only {} bytes", data.size());
        return verdict;
    }
    std::memcpy(&first, data.data(), sizeof first);
    verdict.file = first.file;
    verdict.version = first.version;
    if (first.magic != magic_number || first.size != data.size()) {
        verdict.problem =
            fmt::format("{} bytes, but version {} has {}", data.size(), first.version, first.size);
        return verdict;
    }
    for (std::size_t at = 0; at < data.size(); at += content_block) {
        Stamp stamp{};
        std::memcpy(&stamp, data.data() + at, sizeof stamp);
        const Stamp expected{magic_number, first.version, first.size, first.file,
                             static_cast<std::uint32_t>(at / content_block)};
        bool good = std::memcmp(&stamp, &expected, sizeof stamp) == 0;
        for (std::size_t i = 0; i < words && good; ++i) {
            std::uint64_t value = 0;
            std::memcpy(&value, data.data() + at + sizeof stamp + i * 8, 8);
            good = value == filler(stamp, i);
        }
        if (!good) {
            verdict.problem = fmt::format(
                "begins with file {} version {}, but at byte {} there is file {} version {} "
                "block {}",
                first.file, first.version, at, stamp.file, stamp.version, stamp.block);
            return verdict;
        }
    }
    verdict.whole = true;
    return verdict;
}

} // namespace bootview::test
