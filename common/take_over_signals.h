// Signals that are read from a descriptor, like everything else that a program with one event loop
// waits for.
#pragma once

#include "common/descriptor.h"

#include <initializer_list>

namespace bootview {

// Blocks them, in this thread and those that it starts from now on; reading the descriptor, which
// never waits, gives a signalfd_siginfo for each that came. Nothing, and errno, if there can be
// none.
Descriptor take_over_signals(std::initializer_list<int> signals);

} // namespace bootview
