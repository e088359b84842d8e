#include "change-ring/publisher.h"

#include "change-ring/throw_errno.h"

#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

// Linux 5.1; the C library of the build floor may not name it without _GNU_SOURCE headers.
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

namespace bootview::ring {

Doorbell::Doorbell() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_)
        throw_errno("eventfd");
}

void Doorbell::write_event() noexcept {
    const std::uint64_t one = 1;
    // A full counter is as good as a rung bell; nothing else can fail.
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
}

void Doorbell::clear_event() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(event_.get(), &count, sizeof count);
}

namespace {

ImageId identity_of(const struct stat& status) {
    if (S_ISBLK(status.st_mode))
        return {status.st_rdev, 0};
    return {status.st_dev, status.st_ino};
}

} // namespace

ImageId identify(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0)
        throw_errno("fstat");
    return identity_of(status);
}

ImageId identify(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        throw_errno("stat");
    return identity_of(status);
}

Publisher::Publisher(ImageId image, std::uint64_t image_size, std::shared_ptr<Doorbell> bell,
                     std::uint64_t slots)
    : mask_(slots - 1), bell_(std::move(bell)) {
    if (slots < minimum_slots || slots > maximum_slots || (slots & mask_) != 0)
        throw std::invalid_argument(
            "the number of ring slots must be a power of two, at most 2^18");

    memory_.reset(::memfd_create("bootview-change-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory_)
        throw_errno("memfd_create");
    const std::size_t size = segment_size(slots);
    if (::ftruncate(memory_.get(), static_cast<off_t>(size)) != 0)
        throw_errno("ftruncate of the change ring");
    mapping_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
    if (mapping_ == MAP_FAILED) {
        mapping_ = nullptr;
        throw_errno("mmap of the change ring");
    }
    // The size can never change (a subscriber's mapping cannot fault), and this mapping stays the
    // only writable one.
    constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
    if (::fcntl(memory_.get(), F_ADD_SEALS, seals) != 0) {
        const int error = errno;
        ::munmap(mapping_, size);
        mapping_ = nullptr;
        errno = error;
        throw_errno("sealing the change ring");
    }

    header_ = new (mapping_) Header{};
    slots_ = reinterpret_cast<Slot*>(static_cast<std::byte*>(mapping_) + header_size);
    header_->abi = abi_version;
    header_->header_size = header_size;
    header_->image_device = image.device;
    header_->image_inode = image.inode;
    header_->image_size.store(image_size, std::memory_order_relaxed);
    header_->slots = slots;
    header_->state.store(static_cast<std::uint32_t>(State::live), std::memory_order_relaxed);
    if (::getrandom(header_->instance.data(), header_->instance.size(), 0) !=
        static_cast<ssize_t>(header_->instance.size()))
        throw_errno("getrandom");
    header_->magic = segment_magic;
}

Publisher::~Publisher() {
    if (mapping_ == nullptr)
        return;
    header_->state.store(static_cast<std::uint32_t>(State::closing), std::memory_order_release);
    ::munmap(mapping_, segment_size(mask_ + 1));
}

std::uint64_t Publisher::begin(Kind kind, std::uint64_t offset, std::uint64_t length) noexcept {
    // A number is taken only when the slot's previous change is done. So all that is under way is
    // among the newest `slots` numbers, and a subscriber that looks at these loses sight of
    // nothing. With more slots than requests in flight this never waits; and it would wait for
    // another *write*, not for any subscriber.
    std::uint64_t number = header_->begin.load(std::memory_order_relaxed) + 1;
    for (int spins = 0;;) {
        const std::uint64_t previous = number > mask_ ? number - (mask_ + 1) : 0;
        if (slot(number).done.load(std::memory_order_acquire) == previous) {
            std::uint64_t expected = number - 1;
            if (header_->begin.compare_exchange_weak(expected, number, std::memory_order_acq_rel,
                                                     std::memory_order_relaxed))
                break;
            number = expected + 1;
            continue;
        }
        const std::uint64_t newest = header_->begin.load(std::memory_order_relaxed);
        if (newest + 1 != number) { // somebody else took it
            number = newest + 1;
        } else if (++spins < 64) {
            ::sched_yield();
        } else {
            const timespec pause{0, 50'000};
            ::nanosleep(&pause, nullptr);
        }
    }
    Slot& s = slot(number);

    s.seq.store(0, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    s.offset.store(offset, std::memory_order_relaxed);
    s.length.store(length, std::memory_order_relaxed);
    s.kind.store(static_cast<std::uint32_t>(kind), std::memory_order_relaxed);
    s.seq.store(number, std::memory_order_release);

    // From here on the caller stores into the image, and a subscriber that sees such a byte must
    // see the slot too. A release store orders only what came before it; this fence orders what
    // comes after, and pairs with the one in Subscriber::drain().
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return number;
}

void Publisher::done(std::uint64_t number) noexcept {
    slot(number).done.store(number, std::memory_order_release);
    header_->end.fetch_add(1, std::memory_order_release);
    wake_subscribers();
}

void Publisher::wake_subscribers() noexcept {
    if (bell_ && subscribers_.load(std::memory_order_relaxed) > 0)
        bell_->ring();
}

void Publisher::writer_opened() noexcept {
    header_->writers.fetch_add(1, std::memory_order_acq_rel);
    wake_subscribers();
}

void Publisher::writer_closed() noexcept {
    header_->writers.fetch_sub(1, std::memory_order_acq_rel);
    wake_subscribers();
}

void Publisher::set_image_size(std::uint64_t bytes) noexcept {
    header_->image_size.store(bytes, std::memory_order_release);
}

} // namespace bootview::ring
