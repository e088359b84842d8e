#include "tftp-bridge/tftp/worker_pool.h"

#include "tftp-bridge/tftp/start_error.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <system_error>
#include <utility>

namespace bootview::tftp {
namespace {

void wake(int eventfd) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(eventfd, &one, sizeof one);
}

} // namespace

WorkerPool::WorkerPool(unsigned most_threads)
    : most_threads_(most_threads), state_(std::make_shared<State>()) {
    state_->wakeup = Descriptor(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!state_->wakeup)
        throw StartError("cannot set up the reading threads; raise the limit of open files");
    threads_.reserve(most_threads_);
}

WorkerPool::~WorkerPool() {
    bool all_ended = false;
    {
        std::unique_lock lock(state_->mutex);
        state_->stop = true;
        state_->queue.clear();
        state_->more.notify_all();
        all_ended = state_->less.wait_for(lock, std::chrono::seconds(1),
                                          [this] { return state_->alive == 0; });
    }
    for (auto& thread : threads_)
        if (all_ended)
            thread.join();
        else
            thread.detach();
}

void WorkerPool::submit(std::function<void()> work, std::function<void()> done) {
    std::unique_lock lock(state_->mutex);
    state_->queue.push_back({std::move(work), std::move(done)});
    if (state_->idle >= state_->queue.size() || threads_.size() >= most_threads_) {
        lock.unlock();
        state_->more.notify_one();
        return;
    }
    // Signals are the event loop's.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        ++state_->alive;
        threads_.emplace_back(&WorkerPool::work, state_);
    } catch (const std::system_error&) {
        --state_->alive; // those that are there will do; with none, the next submit tries again
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void WorkerPool::run_completed() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = read(fd(), &count, sizeof count);
    std::vector<std::function<void()>> completed;
    {
        const std::lock_guard lock(state_->mutex);
        completed.swap(state_->completed);
    }
    for (const auto& done : completed)
        done();
}

std::size_t WorkerPool::waiting() const {
    const std::lock_guard lock(state_->mutex);
    return state_->queue.size();
}

void WorkerPool::work(const std::shared_ptr<State>& state) {
    std::unique_lock lock(state->mutex);
    while (true) {
        ++state->idle;
        state->more.wait(lock, [&] { return state->stop || !state->queue.empty(); });
        --state->idle;
        if (state->stop)
            break;
        Job job = std::move(state->queue.front());
        state->queue.pop_front();
        lock.unlock();
        job.work();
        job.work = nullptr; // what it holds goes away here, not in the event loop
        lock.lock();
        state->completed.push_back(std::move(job.done));
        if (state->completed.size() == 1)
            wake(state->wakeup.get());
    }
    --state->alive;
    state->less.notify_all();
}

} // namespace bootview::tftp
