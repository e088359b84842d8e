// The change ring: a log, in shared memory, of every range of a disk image that is about to change.
//
// An NBD server is the only one who knows when a client writes. It *publishes* each write in the
// ring before it touches the image, marks it done after, and only then lets NBD reply. Whoever
// caches something read from the image *subscribes*: it looks at the ring before and after it
// reads. What the ring does not mention between the two looks was not changed in between.
//
//     publisher (nbdkit worker threads)              subscriber (fuse-fatimg, bootview watch)
//     q = ++begin                                    drain(): new slots since last time?
//     fill slot q, publish its seq                   read the image
//     touch the image                                drain(): did anything I read change?
//     mark slot q done; ++end                            yes -> throw the bytes away
//     reply to the client
//
// Nothing here waits for a subscriber: a slow one is overtaken and told so (overflow: "anything
// may have changed"), a dead one is not noticed at all. The segment is a sealed memfd, one for each
// served image, which a Unix socket hands out (socket.h). This file is the format, as
// change-ring(7) documents it; publisher.h writes it, subscriber.h reads it.
//
// Units: offsets and lengths are bytes from the start of the image. All integers are in the byte
// order of the host, since both sides run on one.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace bootview::ring {

// Changes with every change of the layout or of the rules above; a subscriber must not read a
// segment with another number.
inline constexpr std::uint32_t abi_version = 1;

inline constexpr std::array<char, 8> segment_magic{'B', 'V', 'R', 'I', 'N', 'G', '\r', '\n'};

// Slots in a ring. A power of two; far more than a server can have requests in flight, so that a
// publisher practically never waits for the slot it is about to reuse.
inline constexpr std::uint64_t default_slots = 8192;
inline constexpr std::uint64_t minimum_slots = 2;
// 16 MiB of them. A subscriber takes no larger ring: it must walk it, and hold what it finds.
inline constexpr std::uint64_t maximum_slots = std::uint64_t{1} << 18;

enum class State : std::uint32_t {
    live = 1,    // the publisher serves
    closing = 2, // the publisher has ended in order; nothing more will be published
};

enum class Kind : std::uint32_t {
    write = 1, // new data; also a write that failed (its range has unknown content then)
    zero = 2,  // now reads as zeroes
    trim = 3,  // discarded: may read as zeroes or as before
    flush = 4, // for information: all writes replied to before are on stable storage; length 0
};

// Identifies one life of one publisher. Another instance means that writes may have been missed.
using InstanceId = std::array<std::uint8_t, 16>;

struct alignas(64) Header {
    std::array<char, 8> magic;
    std::uint32_t abi;
    std::uint32_t header_size; // bytes from the start of the segment to slot 0
    InstanceId instance;
    // st_dev, st_ino (st_rdev, 0 of a block device) of the image; 0, 0: only the server can read it
    std::uint64_t image_device;
    std::uint64_t image_inode;
    std::uint64_t slots; // a power of two

    std::atomic<std::uint64_t> image_size;
    alignas(64) std::atomic<std::uint64_t> begin;   // the number of the newest change begun; from 1
    alignas(64) std::atomic<std::uint64_t> end;     // how many changes are done
    alignas(64) std::atomic<std::uint32_t> writers; // NBD clients that may write now
    std::atomic<std::uint32_t> state;               // State
};

// Change q lives in slot q % slots, until change q + slots takes its place; that number is not
// given out before q is done, so all that is under way is among the newest `slots` numbers. `seq`
// is q from the moment the other fields may be read, 0 while they are being filled; `done` becomes
// q when the image holds the change's result.
struct alignas(64) Slot {
    std::atomic<std::uint64_t> seq;
    std::atomic<std::uint64_t> offset;
    std::atomic<std::uint64_t> length;
    std::atomic<std::uint32_t> kind; // Kind
    std::uint32_t reserved;
    std::atomic<std::uint64_t> done;
};

// The header has the first page for itself, so that it can be mapped alone.
inline constexpr std::size_t header_size = 4096;

constexpr std::size_t segment_size(std::uint64_t slots) {
    return header_size + slots * sizeof(Slot);
}

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "other processes map these");
static_assert(std::atomic<std::uint32_t>::is_always_lock_free, "other processes map these");
static_assert(sizeof(std::atomic<std::uint64_t>) == 8 && sizeof(std::atomic<std::uint32_t>) == 4);
static_assert(std::is_standard_layout_v<Header> && std::is_standard_layout_v<Slot>);
static_assert(offsetof(Header, image_size) == 56 && offsetof(Header, begin) == 64 &&
              offsetof(Header, end) == 128 && offsetof(Header, writers) == 192 &&
              offsetof(Header, state) == 196 && sizeof(Header) <= header_size);
static_assert(sizeof(Slot) == 64 && offsetof(Slot, done) == 32);

// One change as it is handed about.
struct Change {
    std::uint64_t number = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    Kind kind = Kind::write;
    bool done = false;
};

} // namespace bootview::ring
