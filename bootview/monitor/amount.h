// An amount of data as people read it.
#pragma once

#include <cstdint>
#include <string>

#include <fmt/format.h>

namespace bootview::monitor {

// "81 bytes", "142 kB", "70.5 MB", "20.0 GB": of 1000 each, as disks and networks count.
inline std::string amount(std::uint64_t bytes) {
    const auto value = static_cast<double>(bytes);
    if (bytes < 10'000)
        return fmt::format("{} bytes", bytes);
    if (bytes < 10'000'000)
        return fmt::format("{:.0f} kB", value / 1e3);
    if (bytes < 10'000'000'000)
        return fmt::format("{:.1f} MB", value / 1e6);
    return fmt::format("{:.1f} GB", value / 1e9);
}

} // namespace bootview::monitor
