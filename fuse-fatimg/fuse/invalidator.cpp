#include "fuse-fatimg/fuse/invalidator.h"

#include "fuse-fatimg/fuse/fuse_api.h"
#include "fuse-fatimg/fuse/thread_without_signals.h"

#include <utility>

namespace bootview::fuse {

void Invalidator::start(fuse_session* session) {
    session_ = session;
    thread_ = thread_without_signals([this] { run(); });
}

void Invalidator::stop() {
    {
        const std::scoped_lock lock{mutex_};
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable())
        thread_.join();
}

void Invalidator::drop_pages(std::uint64_t node) {
    push({node, {}});
}

void Invalidator::drop_name(std::uint64_t directory, const std::string& name) {
    push({directory, name});
}

void Invalidator::push(Task task) {
    {
        const std::scoped_lock lock{mutex_};
        queue_.push_back(std::move(task));
    }
    wake_.notify_one();
}

void Invalidator::run() {
    std::unique_lock lock{mutex_};
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (stopping_)
            return;
        const Task task = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        // ENOENT (the kernel forgot it already) is as good as done.
        if (task.name.empty())
            ::fuse_lowlevel_notify_inval_inode(session_, task.node, 0, 0);
        else
            ::fuse_lowlevel_notify_inval_entry(session_, task.node, task.name.data(),
                                               task.name.size());
        lock.lock();
    }
}

} // namespace bootview::fuse
