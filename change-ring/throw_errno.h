#pragma once

#include <cerrno>
#include <system_error>

namespace bootview::ring {

// Throws what the last system call failed with; `what` names that call.
[[noreturn]] inline void throw_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

} // namespace bootview::ring
