// Tells the kernel to drop what it caches of dead nodes, and names that it need not remember.
//
// From a thread of its own, because the kernel may wait for a running READ of that very file before
// it answers: whoever called from a request handler, or with a lock that a handler takes, would
// wait for itself. Nobody waits for this thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
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
    // Any thread, any lock held:
    void drop_pages(std::uint64_t node);
    void drop_name(std::uint64_t directory, const std::string& name);

private:
    struct Task {
        std::uint64_t node;
        std::string name; // in that node; empty: its pages are meant
    };
    void push(Task task);
    void run();

    fuse_session* session_ = nullptr;
    std::mutex mutex_; // guards the next two; taken last, held for moments
    std::deque<Task> queue_;
    bool stopping_ = false;
    std::condition_variable wake_;
    std::thread thread_;
};

} // namespace bootview::fuse
