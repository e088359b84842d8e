// Tells the kernel to drop what it caches of dead nodes.
//
// From a thread of its own, because the kernel may wait for a running READ of that very file before
// it answers: whoever called from a request handler, or with a lock that a handler takes, would
// wait for itself. Nobody waits for this thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>

struct fuse_session;

namespace bootview::fuse {

class Invalidator {
public:
    Invalidator() = default;
    ~Invalidator() { stop(); }
    Invalidator(const Invalidator&) = delete;
    Invalidator& operator=(const Invalidator&) = delete;

    void start(fuse_session* session);
    void stop();
    void push(std::uint64_t node); // any thread, any lock held

private:
    void run();

    fuse_session* session_ = nullptr;
    std::mutex mutex_; // guards the next two; taken last, held for moments
    std::deque<std::uint64_t> queue_;
    bool stopping_ = false;
    std::condition_variable wake_;
    std::thread thread_;
};

} // namespace bootview::fuse
