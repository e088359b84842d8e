// Many TFTP clients at once, in one thread: for load tests and benchmarks. What each receives is
// compared with what it should be, byte by byte (RFC 1350, 2347, 2348, 7440).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bootview::test {

struct LoadFetch {
    std::string name;
    const std::string* expected = nullptr;
};

struct LoadOptions {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    unsigned block_size = 1468;
    unsigned window = 1;
    bool size_only = false; // asks for the size, and ends when it has been told, as firmware does
    double give_up_seconds = 120; // without any progress
};

struct LoadOutcome {
    bool right = false; // arrived, byte by byte
    std::string problem;
    double seconds = 0;         // from the first request to the last block
    std::uint64_t repeated = 0; // DATA packets that were there already
    std::uint64_t requests = 0; // sent, repetitions included
};

// Fetches all at the same time. The outcomes are in the order of `fetches`.
std::vector<LoadOutcome> fetch_together(const std::vector<LoadFetch>& fetches,
                                        const LoadOptions& options);

} // namespace bootview::test
