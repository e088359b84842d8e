#include "fuse-fatimg/fuse/invalidator.h"

#include "fuse-fatimg/fuse/fuse_api.h"

namespace bootview::fuse {

void Invalidator::start(fuse_session* session) {
    session_ = session;
    thread_ = std::thread{[this] { run(); }};
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

void Invalidator::push(std::uint64_t node) {
    {
        const std::scoped_lock lock{mutex_};
        queue_.push_back(node);
    }
    wake_.notify_one();
}

void Invalidator::run() {
    std::unique_lock lock{mutex_};
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (stopping_)
            return;
        const std::uint64_t node = queue_.front();
        queue_.pop_front();
        lock.unlock();
        // ENOENT (the kernel forgot it already) is as good as done.
        ::fuse_lowlevel_notify_inval_inode(session_, node, 0, 0);
        lock.lock();
    }
}

} // namespace bootview::fuse
