// A TFTP client of a few lines, for tests that fetch thousands of files (RFC 1350, 2347, 2348,
// 7440). The correctness of the server is judged by real clients elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bootview::test {

struct Fetched {
    bool complete = false;
    int error_code = -1; // of the server's ERROR packet; -1: there was none
    std::string problem;
    std::vector<std::byte> data;
};

// From 127.0.0.1. `window` 1 is lock-step.
Fetched tftp_fetch(std::uint16_t port, const std::string& name, unsigned block_size = 1428,
                   unsigned window = 16);

} // namespace bootview::test
