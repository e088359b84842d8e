#pragma once

#include "common/descriptor.h"

#include <array>

#include <fcntl.h>
#include <unistd.h>

namespace bootview {

struct Pipe {
    Descriptor read_end;
    Descriptor write_end;
};

// Both ends close-on-exec. Without both if there are no descriptors left; errno says so.
inline Pipe open_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return {};
    return {Descriptor{ends[0]}, Descriptor{ends[1]}};
}

} // namespace bootview
