// What every fuzz target is made of: the entry points that libFuzzer calls, and invariants that end
// the program where they do not hold, as a crash would.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

extern "C" {
// One input; gives 0. Linked against libFuzzer, or against replay_main.cpp.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
// For targets that mend checksums after a mutation: libFuzzer finds it by its name.
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t maximum,
                                    unsigned seed);
// libFuzzer's own mutations, for the above.
std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t maximum);
}

namespace bootview::fuzz {

// Where to say what is broken: libFuzzer is told to close stderr, which our log would flood.
inline const int report = ::dup(STDERR_FILENO);

inline void require(bool holds, const char* what) {
    if (holds)
        return;
    ::dprintf(report, "invariant broken: %s\n", what);
    std::abort();
}

} // namespace bootview::fuzz
