// What is open: the objects behind the handles that the kernel holds.
//
// They belong to the mount, not to the kernel's RELEASE: one that was on its way when the file
// system is unmounted never arrives.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace bootview::fuse {

// Any thread may call anything.
template<typename T>
class OpenHandles {
public:
    // Gives the number for fuse_file_info::fh.
    std::uint64_t add(std::unique_ptr<T> object) {
        const auto handle = reinterpret_cast<std::uint64_t>(object.get());
        const std::scoped_lock lock{mutex_};
        objects_.emplace(handle, std::move(object));
        return handle;
    }

    // Valid up to remove(): the kernel asks nothing of a handle that it has released.
    static T& at(std::uint64_t handle) {
        return *reinterpret_cast<T*>(handle); // NOLINT(performance-no-int-to-ptr)
    }

    void remove(std::uint64_t handle) {
        std::unique_ptr<T> object; // destroyed after the lock is given back
        const std::scoped_lock lock{mutex_};
        if (const auto found = objects_.find(handle); found != objects_.end()) {
            object = std::move(found->second);
            objects_.erase(found);
        }
    }

private:
    std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::unique_ptr<T>> objects_;
};

} // namespace bootview::fuse
