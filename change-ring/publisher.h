// The writing side of the change ring. See layout.h for the idea, change-ring(7) for the format.
#pragma once

#include "change-ring/layout.h"
#include "common/descriptor.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace bootview::ring {

// Tells the server thread that something was published, without a system call for each write: the
// first ring after silence() writes the eventfd, the others find it rung already.
class Doorbell {
public:
    Doorbell(); // throws std::system_error
    int descriptor() const { return event_.get(); }
    void ring() noexcept {
        if (!rung_.load(std::memory_order_relaxed) &&
            !rung_.exchange(true, std::memory_order_acq_rel))
            write_event();
    }
    // From now on the next ring() is heard again.
    void silence() noexcept { rung_.store(false, std::memory_order_release); }
    void clear_event() noexcept;

private:
    void write_event() noexcept;

    Descriptor event_;
    std::atomic<bool> rung_{false};
};

// What a ring is about: the file or block device, as stat(2) names it.
struct ImageId {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    friend bool operator==(const ImageId&, const ImageId&) = default;
    friend auto operator<=>(const ImageId&, const ImageId&) = default;
};

// The identity of an open image: st_dev and st_ino, or st_rdev and 0 of a block device, so that
// every device node of one disk leads to the same ring. Throws std::system_error.
ImageId identify(int fd);
ImageId identify(const std::string& path); // of what is there now

// One segment and the right to write it. begin(), done() and the client counts may be called from
// any number of threads; they take no lock, never fail and never wait for a subscriber.
class Publisher {
public:
    // `slots` is a power of two >= minimum_slots. `bell`, when given, is rung at every done() while
    // there are subscribers. Throws std::system_error.
    Publisher(ImageId image, std::uint64_t image_size, std::shared_ptr<Doorbell> bell = nullptr,
              std::uint64_t slots = default_slots);
    ~Publisher(); // marks the segment as closing
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;

    // Publishes that a range is about to change and returns the change's number. The image may be
    // touched only after this returned.
    std::uint64_t begin(Kind kind, std::uint64_t offset, std::uint64_t length) noexcept;
    // The image holds the result (or the change failed). The client may be answered only after
    // this returned.
    void done(std::uint64_t number) noexcept;

    // A client that may write has come or gone.
    void writer_opened() noexcept;
    void writer_closed() noexcept;

    void set_image_size(std::uint64_t bytes) noexcept;
    void subscriber_attached() noexcept { subscribers_.fetch_add(1, std::memory_order_relaxed); }
    void subscriber_detached() noexcept { subscribers_.fetch_sub(1, std::memory_order_relaxed); }

    // The segment, sealed: whoever gets this descriptor can map it for reading only.
    int descriptor() const { return memory_.get(); }
    std::uint64_t newest() const noexcept { return header_->begin.load(std::memory_order_acquire); }
    const Header& header() const { return *header_; }
    ImageId image() const { return {header_->image_device, header_->image_inode}; }

private:
    Slot& slot(std::uint64_t number) const noexcept { return slots_[number & mask_]; }
    void wake_subscribers() noexcept;

    Descriptor memory_;
    void* mapping_ = nullptr;
    Header* header_ = nullptr;
    Slot* slots_ = nullptr;
    std::uint64_t mask_ = 0;
    std::shared_ptr<Doorbell> bell_;
    std::atomic<int> subscribers_{0};
};

// One change from begin to done, for the length of a scope: however it is left, the ring is told.
class Publication {
public:
    Publication(Publisher& publisher, Kind kind, std::uint64_t offset,
                std::uint64_t length) noexcept
        : publisher_(publisher), number_(publisher.begin(kind, offset, length)) {}
    ~Publication() { publisher_.done(number_); }
    Publication(const Publication&) = delete;
    Publication& operator=(const Publication&) = delete;

private:
    Publisher& publisher_;
    std::uint64_t number_;
};

// A client that may write, for as long as it is there.
class Writer {
public:
    explicit Writer(std::shared_ptr<Publisher> publisher) : publisher_(std::move(publisher)) {
        publisher_->writer_opened();
    }
    ~Writer() { publisher_->writer_closed(); }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

private:
    std::shared_ptr<Publisher> publisher_;
};

} // namespace bootview::ring
