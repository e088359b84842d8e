// A thread that takes no signals of the process. fuse_session_loop_mt() ends by SIGTERM only if
// that reaches the thread which waits in it: another one would run the handler, and nobody would
// wake up.
#pragma once

#include <csignal>
#include <thread>
#include <utility>

#include <pthread.h>

namespace bootview::fuse {

template<typename Body>
std::thread thread_without_signals(Body body) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread{std::move(body)};
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

} // namespace bootview::fuse
