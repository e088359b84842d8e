// MBR partition tables, with logical partitions, of any image.
//
// Input: the image's size in sectors (4 bytes); then its first bytes. What is not given is zero.
#include "tests/fuzz/input.h"
#include "tests/fuzz/partition_invariants.h"

using namespace bootview::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input{data, size};
    SparseImage image{std::uint64_t{input.u32()} * 512};
    image.write(0, input.rest());
    read_and_check(image);
    return 0;
}
