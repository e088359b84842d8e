// GUID partition tables, primary and backup, for sectors of 512 and of 4096 bytes.
//
// Input: the image's size in sectors of 512 (4 bytes), how many of the input's last bytes lie at
// the image's end (2 bytes); then the image's first bytes. What is not given is zero. Mutations
// get their checksums mended mostly: hardly any would be right by chance.
#include "fuse-fatimg/partition/crc32.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/partition_invariants.h"

#include <algorithm>
#include <cstring>
#include <vector>

using namespace bootview;
using namespace bootview::fuzz;

namespace {

constexpr std::size_t prologue = 6;

struct Parts {
    std::span<const std::byte> head;
    std::span<const std::byte> tail;
    SparseImage image{std::uint64_t{0}};
};

Parts parts_of(const std::uint8_t* data, std::size_t size) {
    Input input{data, size};
    Parts parts;
    parts.image.resize(std::uint64_t{input.u32()} * 512);
    const std::size_t tail = input.u16();
    const auto rest = input.rest();
    const std::size_t head = rest.size() - std::min(tail, rest.size());
    parts.head = rest.first(head);
    parts.tail = rest.subspan(head);
    parts.image.write(0, parts.head);
    if (parts.tail.size() <= parts.image.size())
        parts.image.write(parts.image.size() - parts.tail.size(), parts.tail);
    return parts;
}

void mend_checksums(SparseImage& image, std::uint64_t at) {
    std::array<std::byte, 8> signature{};
    if (!image.read(at, signature) || std::memcmp(signature.data(), "EFI PART", 8) != 0)
        return;
    const std::uint64_t sector_size = at == 4096 ? 4096 : 512;
    const std::uint64_t length = image.get(at + 80, 4) * image.get(at + 84, 4);
    if (length <= std::uint64_t{1} << 20) {
        std::vector<std::byte> entries(length);
        if (image.read(image.get(at + 72, 8) * sector_size, entries))
            image.put(at + 88, 4, partition::crc32(entries));
    }
    std::vector<std::byte> header(std::min<std::uint64_t>(image.get(at + 12, 4), 4096));
    image.put(at + 16, 4, 0);
    if (image.read(at, header))
        image.put(at + 16, 4, partition::crc32(header));
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    read_and_check(parts_of(data, size).image);
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t maximum,
                                    unsigned seed) {
    size = LLVMFuzzerMutate(data, size, maximum);
    if (size <= prologue || seed % 8 == 0)
        return size;
    Parts parts = parts_of(data, size);
    mend_checksums(parts.image, 512);
    mend_checksums(parts.image, 4096);
    if (parts.image.size() >= 4096) {
        mend_checksums(parts.image, parts.image.size() - 512);
        mend_checksums(parts.image, parts.image.size() / 4096 * 4096 - 4096);
    }
    const std::size_t head = parts.head.size();
    const std::size_t tail = parts.tail.size();
    const auto bytes = std::as_writable_bytes(std::span{data, size}).subspan(prologue);
    parts.image.read(0, bytes.first(std::min<std::uint64_t>(head, parts.image.size())));
    if (tail > 0 && tail <= parts.image.size())
        parts.image.read(parts.image.size() - tail, bytes.subspan(head));
    return size;
}
