// FAT's dates and times (Microsoft FAT specification 1.03 §6.3, 6.4).
#pragma once

#include <cstdint>

#include <time.h>

namespace bootview::fat {

// Seconds that the volume's clock is ahead of UTC. FAT stores local time and does not say whose.
using ZoneOffset = std::int32_t;

// `date` and `time` as on disk; `tenths` counts 10 ms (creation time only). A month or day of zero
// counts as one, and other impossible ones as with Linux.
timespec decode_time(std::uint16_t date, std::uint16_t time, std::uint8_t tenths, ZoneOffset zone);

} // namespace bootview::fat
