// Block numbers: 64 bits inside, 16 bits on the wire.
//
// RFC 1350 says nothing about files of more than 65535 blocks. Everybody's clients expect 0 after
// 65535; tftpd-hpa's "rollover" option lets a client ask for 1 instead.
#pragma once

#include <cstdint>
#include <optional>

namespace bootview::tftp {

enum class Rollover { to_zero, to_one };

// The number that stands in the packet for `block` (0 is the OACK, 1 the first DATA).
std::uint16_t to_wire(std::uint64_t block, Rollover rollover);

// The first block at or after `from` that has this number on the wire; nothing if there is none.
// Counting up from the oldest block that may still be acknowledged, instead of taking the nearest
// one, keeps windows of more than 32768 blocks right too.
std::optional<std::uint64_t> from_wire(std::uint16_t wire, std::uint64_t from, Rollover rollover);

} // namespace bootview::tftp
