// Random numbers that a stranger cannot foretell.
#pragma once

#include <cstdint>

namespace bootview::tftp {

// From 0 to `end` - 1; `end` is not 0. From getrandom(2).
std::uint32_t random_below(std::uint32_t end);

} // namespace bootview::tftp
