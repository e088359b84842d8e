// What is said over the Unix socket that hands out a change ring: SOCK_SEQPACKET, one Message a
// packet. The subscriber begins:
//
//     subscriber                               server
//     connect, hello  ───────────────────────▶  checks SO_PEERCRED
//                     ◀───────────────────────  welcome + the segment's descriptor (SCM_RIGHTS)
//                     ◀───────────────────────  wake: something was published (at most every 2 ms)
//                     ◀───────────────────────  wake …
//                     ◀───────────────────────  end of file: the server is gone, its ring is dead
//
// or, in place of the welcome, `refused` with an errno value. The server never waits for a
// subscriber: a wake that does not fit into the socket's buffer is lost, and is no loss, because
// the ring holds the truth.
#pragma once

#include <cstdint>

namespace bootview::ring {

enum class MessageType : std::uint32_t {
    hello = 1,   // value: 0
    welcome = 2, // value: slots in the ring
    wake = 3,    // value: the newest change's number
    refused = 4, // value: an errno value
};

struct Message {
    MessageType type;
    std::uint32_t abi; // abi_version of layout.h, in every message
    std::uint64_t value;
};
static_assert(sizeof(Message) == 16);

} // namespace bootview::ring
