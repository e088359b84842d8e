#pragma once

#include <system_error>

namespace bootview::view {

// Ends an operation of the view with this errno; fuse/ hands it to the kernel.
[[noreturn]] inline void fail(int error) {
    throw std::system_error(error, std::generic_category());
}

} // namespace bootview::view
