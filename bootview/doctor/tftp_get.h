// Fetches one file by TFTP, as a boot ROM does: block by block (RFC 1350), with the options tsize
// and blksize (RFC 2347 to 2349).
#pragma once

#include "bootview/endpoint.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bootview::doctor {

enum class TftpOutcome {
    complete,
    refused,  // by an ERROR packet; `reason` has its text
    silent,   // nobody answers
    no_server // the machine says that nobody has the port
};

struct TftpResult {
    TftpOutcome outcome = TftpOutcome::silent;
    std::uint16_t error = 0; // of an ERROR packet (RFC 1350 §5); 1: no such file
    std::string reason;
    std::string content;
    std::chrono::microseconds time{};
};

TftpResult tftp_get(const Address& server, std::uint16_t port, const std::string& name,
                    std::uint32_t block_size = 1468);

} // namespace bootview::doctor
