// netascii (RFC 764, RFC 1350 appendix): how text travels. Each line feed becomes CR LF and each
// carriage return CR NUL; every other byte stays. Pure.
//
// No byte depends on its neighbours, so any part of a file can be encoded alone. That a pair may
// lie across two blocks is nothing special: blocks are cut from the encoded bytes.
#pragma once

#include "tftp-bridge/tftp/packet.h"

#include <cstddef>
#include <span>

namespace bootview::tftp {

// How many bytes `text` has on the wire; at most twice its own.
std::size_t netascii_size(Bytes text);

// Writes them to `out`, which has room for netascii_size(text) bytes.
void netascii_encode(Bytes text, std::span<std::byte> out);

} // namespace bootview::tftp
