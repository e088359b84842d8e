// What happened so far, in numbers, as Prometheus reads them (text format 0.0.4).
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace bootview::tftp {

struct Metrics {
    std::uint64_t requests = 0; // packets with a request, repeated ones too
    std::uint64_t transfers_begun = 0;
    std::uint64_t transfers_finished = 0;
    std::uint64_t transfers_enough = 0; // ended by the client, which knew enough: the size
    std::uint64_t transfers_left = 0;   // ended by the client otherwise
    std::uint64_t transfers_silent = 0; // given up
    std::uint64_t transfers_failed = 0; // the file changed, or could not be read
    std::uint64_t transfers_stopped = 0;
    std::uint64_t transfers_forged = 0; // acknowledged before it was sent
    std::uint64_t sent_bytes = 0;       // file data, repeated packets too
    std::uint64_t repeated_packets = 0;
    std::uint64_t dropped_requests = 0;
    std::uint64_t chunks_read = 0;
    std::array<std::uint64_t, 9> errors{}; // ERROR packets to requests, by code
    // Now:
    std::uint64_t running = 0;
    std::uint64_t cached_bytes = 0;

    std::string to_text() const;
};

} // namespace bootview::tftp
