// Threads for what may take a while: opening a file, and reading a part of it that is not in
// memory. A file system behind FUSE may keep either waiting as long as it likes; the event loop
// must not wait with it.
//
// There is nothing in here but a queue. What the work is about belongs to the work, and what comes
// of it is handed back to the event loop's thread: the threads share no state of the server.
#pragma once

#include "common/descriptor.h"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace bootview::tftp {

// To be used by one thread, the event loop's.
class WorkerPool {
public:
    // Threads are started when there is work for them. Throws StartError.
    explicit WorkerPool(unsigned most_threads);
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;
    // Forgets what has not begun. Waits a second for what has; a thread that a dead file system
    // holds longer is left behind.
    ~WorkerPool();

    // Calls `work` in one of the threads, and after it `done` in the thread that calls
    // run_completed(). Neither may throw.
    void submit(std::function<void()> work, std::function<void()> done);
    void run_completed();
    // Readable when run_completed() has something to do.
    int fd() const { return state_->wakeup.get(); }
    std::size_t waiting() const; // jobs that have not begun

private:
    struct Job {
        std::function<void()> work;
        std::function<void()> done;
    };
    // Shared with the threads, because one may be left behind.
    struct State {
        mutable std::mutex mutex; // guards all below but `wakeup`
        std::condition_variable more;
        std::condition_variable less;
        std::deque<Job> queue;
        std::vector<std::function<void()>> completed;
        unsigned idle = 0;
        unsigned alive = 0;
        bool stop = false;
        Descriptor wakeup; // an eventfd
    };

    static void work(const std::shared_ptr<State>& state);

    const unsigned most_threads_;
    std::shared_ptr<State> state_;
    std::vector<std::thread> threads_;
};

} // namespace bootview::tftp
