#include "tftp-bridge/tftp/random_number.h"

#include <sys/random.h>

#include <random>

namespace bootview::tftp {

std::uint32_t random_below(std::uint32_t end) {
    std::uint64_t number = 0;
    // Up to 256 bytes come whole once the kernel has begun (getrandom(2)); before, a boot server
    // has no clients.
    if (::getrandom(&number, sizeof number, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof number))
        number = std::random_device{}();
    return static_cast<std::uint32_t>(number % end);
}

} // namespace bootview::tftp
