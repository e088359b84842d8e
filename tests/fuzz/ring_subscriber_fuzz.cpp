// A subscriber of a change ring whose publisher lies: its segment, its messages and its timing are
// whatever the input says. The subscriber may believe all of it, but it must not crash, hang, read
// outside of the segment, leak descriptors or hold memory without bound.
//
// Input: the segment's shape (slots, size, seals), what happens before the subscriber comes, how
// the server answers it; then acts of the publisher and calls of the subscriber in turn.
#include "change-ring/client.h"
#include "change-ring/subscriber.h"
#include "fuse-fatimg/image/range.h"
#include "fuse-fatimg/view/range_index.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/heap_meter.h"
#include "tests/fuzz/hostile_publisher.h"
#include "tests/fuzz/input.h"

#include <exception>
#include <functional>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <unistd.h>

using namespace bootview;
using namespace bootview::fuzz;

namespace {

constexpr unsigned most_acts = 200;
constexpr std::uint64_t memory_of_a_slot = 512; // generous: what one entry of each list takes

// What an index of cached ranges makes of a lie about a changed one.
void look_up(const view::RangeIndex<int>& index, const ring::Change& change) {
    index.hit_by({change.offset, change.length});
}

void drain(ring::Subscriber& subscriber, HostileSegment& segment, std::uint64_t slots,
           const view::RangeIndex<int>& index, Input& input) {
    std::uint64_t seen = 0;
    const std::function<void(const ring::Change&)> on_change = [&](const ring::Change& change) {
        ++seen;
        look_up(index, change);
        if (!input.empty() && seen < 8) // the publisher goes on meanwhile
            segment.act(input);
    };
    subscriber.drain(on_change);
    require(seen <= 2 * slots + 2,
            "a drain reports no more changes than the ring has had room for");
    require(subscriber.in_flight().size() <= 3 * slots + 2, "the changes under way are bounded");
}

// Lets the server answer as the input says. Null: there is no ring to be had.
ring::Connection connect(const HostileServer& server, HostileSegment& segment, Input& input) {
    const auto handshake = ring::Handshake::begin(server.path(), ::geteuid());
    require(handshake != nullptr, "the server listens");
    const Descriptor peer = server.accept();
    for (unsigned messages = input.u8() % 8; messages > 0; --messages)
        HostileServer::send(peer.get(), input, segment.descriptor());
    ring::Connection connection;
    for (int i = 0; i < 20; ++i) {
        const auto progress = handshake->proceed();
        if (progress == ring::Handshake::Progress::done)
            connection = handshake->take();
        if (progress != ring::Handshake::Progress::waiting)
            break;
    }
    if (connection.ring)
        for (unsigned messages = input.u8() % 4; messages > 0; --messages) {
            HostileServer::send(peer.get(), input, segment.descriptor());
            ring::hear(connection);
        }
    return connection;
}

void run(const HostileServer& server, Input& input) {
    const unsigned shape = input.u8();
    const std::uint64_t slots = std::uint64_t{1} << shape % 16;
    const unsigned flags = input.u8();
    const std::int64_t extra = (flags & 0x01) != 0 ? static_cast<std::int16_t>(input.u16()) : 0;
    HostileSegment segment{slots, extra, (flags & 0x02) != 0 ? 0 : F_SEAL_SHRINK | F_SEAL_GROW};
    for (unsigned acts = input.u8() % 32; acts > 0; --acts)
        segment.act(input);

    std::optional<RestlessPublisher> restless;
    if ((flags & 0x04) != 0) {
        const std::uint64_t claimed = input.u64();
        const std::uint64_t begin = input.u16();
#ifndef __SANITIZE_THREAD__ // which rightly finds that this publisher races
        restless.emplace(segment, claimed, begin);
#endif
    }

    view::RangeIndex<int> index;
    index.add({1 << 20, 4096}, 1);
    index.add({3 << 20, 1 << 20}, 2);

    reset_heap_peak();
    std::unique_ptr<ring::Subscriber> subscriber;
    ring::Connection connection;
    if ((flags & 0x08) != 0)
        connection = connect(server, segment, input);
    else
        subscriber = std::make_unique<ring::Subscriber>(
            Descriptor{::fcntl(segment.descriptor(), F_DUPFD_CLOEXEC, 3)});
    ring::Subscriber* ring = subscriber ? subscriber.get() : connection.ring.get();
    for (unsigned i = 0; ring != nullptr && i < most_acts && !input.empty(); ++i) {
        switch (input.u8() % 4) {
        case 0:
            drain(*ring, segment, slots, index, input);
            break;
        case 1:
            ring->in_flight(input.number(5), input.number(3));
            ring->quiet();
            ring->image();
            ring->image_size();
            ring->writers();
            ring->state();
            break;
        default:
            segment.act(input);
        }
        require(heap_peak() <= (1 << 20) + slots * memory_of_a_slot,
                "a subscriber's memory is bounded by the ring's size");
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const HostileServer server;
    Input input{data, size};
    const unsigned before = open_descriptors();
    try {
        run(server, input);
    } catch (const std::exception&) { // no ring, and in words why
    }
    require(open_descriptors() == before, "no descriptor is left over");
    return 0;
}
