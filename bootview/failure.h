// A reason to stop that the user can act on: one line that names the thing, what is wrong with it,
// and what to do. The program ends with status 1.
#pragma once

#include <stdexcept>

namespace bootview {

class Failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace bootview
