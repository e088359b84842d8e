#include "tftp-bridge/tftp/block_number.h"

namespace bootview::tftp {

std::uint16_t to_wire(std::uint64_t block, Rollover rollover) {
    if (rollover == Rollover::to_zero || block == 0)
        return static_cast<std::uint16_t>(block);
    return static_cast<std::uint16_t>((block - 1) % 65535 + 1);
}

std::optional<std::uint64_t> from_wire(std::uint16_t wire, std::uint64_t from, Rollover rollover) {
    const auto start = to_wire(from, rollover);
    if (rollover == Rollover::to_zero)
        return from + static_cast<std::uint16_t>(wire - start);
    // Block 0 alone has the number 0, and it comes before all others.
    if (from == 0)
        return wire;
    if (wire == 0)
        return std::nullopt;
    return from + (wire >= start ? wire - start : wire + 65535U - start);
}

} // namespace bootview::tftp
