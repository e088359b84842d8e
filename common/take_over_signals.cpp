#include "common/take_over_signals.h"

#include <csignal>

#include <sys/signalfd.h>

namespace bootview {

Descriptor take_over_signals(std::initializer_list<int> signals) {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : signals)
        ::sigaddset(&set, signal);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    return Descriptor{::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
}

} // namespace bootview
