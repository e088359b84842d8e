// Why the program cannot start, as one line that says what to do. Thrown only before it serves.
#pragma once

#include <stdexcept>

namespace bootview::tftp {

class StartError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace bootview::tftp
