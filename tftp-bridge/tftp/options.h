// What a request's options come to: RFC 2347 (negotiation), 2348 (blksize), 2349 (timeout, tsize),
// 7440 (windowsize), and tftpd-hpa's blksize2, utimeout and rollover. Pure.
//
// The answer holds only options that were asked for, in the order and spelling of the request: some
// clients compare the names byte by byte, PXELINUX ends with ERROR 8 on one it did not ask for, and
// EDK2 and U-Boot refuse a timeout that is not the one they asked.
#pragma once

#include "tftp-bridge/tftp/block_number.h"
#include "tftp-bridge/tftp/packet.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bootview::tftp {

inline constexpr std::uint32_t default_block_size = 512; // RFC 1350 §2
inline constexpr std::uint32_t min_block_size = 8;       // RFC 2348
inline constexpr std::uint32_t max_block_size = 65464;   // RFC 2348
inline constexpr std::uint32_t max_window_size = 65535;  // RFC 7440 §3

struct OptionLimits {
    std::uint32_t block_size = max_block_size;   // bytes
    std::uint32_t window_size = max_window_size; // blocks
};

struct AcceptedOption {
    std::string name; // as the client spelled it
    std::string value;
    bool operator==(const AcceptedOption&) const = default;
};

struct Negotiated {
    std::uint32_t block_size = default_block_size;
    std::uint32_t window_size = 1;
    Rollover rollover = Rollover::to_zero;
    std::optional<std::chrono::microseconds> timeout; // only when the client asked for one
    std::vector<AcceptedOption> accepted;             // empty: no OACK, DATA 1 is the answer
};

// `length` is the number of bytes the transfer will have. A value that makes no sense is refused
// (blksize below 8) or its option left out, whichever lets more clients boot.
std::variant<Negotiated, Refusal> negotiate(const OptionList& asked, std::uint64_t length,
                                            const OptionLimits& limits);

std::vector<std::byte> build_oack(const Negotiated& negotiated);

} // namespace bootview::tftp
