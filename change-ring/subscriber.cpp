#include "change-ring/subscriber.h"

#include "change-ring/throw_errno.h"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace bootview::ring {

Subscriber::Subscriber(Descriptor memory) {
    // A segment that can shrink could kill us with SIGBUS.
    const int seals = ::fcntl(memory.get(), F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0)
        throw std::runtime_error("not a change ring: the segment is not sealed");
    struct stat status {};
    if (::fstat(memory.get(), &status) != 0)
        throw_errno("fstat of the change ring");
    if (status.st_size < static_cast<off_t>(segment_size(minimum_slots)))
        throw std::runtime_error("not a change ring: the segment is too small");
    size_ = static_cast<std::size_t>(std::min<std::uint64_t>(
        static_cast<std::uint64_t>(status.st_size), segment_size(maximum_slots)));
    void* mapping = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, memory.get(), 0);
    if (mapping == MAP_FAILED)
        throw_errno("mmap of the change ring");
    mapping_ = mapping;
    header_ = static_cast<const Header*>(mapping_);

    // The publisher may change what stands there at any moment: what is checked is read once.
    const std::uint64_t slots = *static_cast<const volatile std::uint64_t*>(&header_->slots);
    const char* problem = nullptr;
    if (header_->magic != segment_magic)
        problem = "not a change ring: wrong magic";
    else if (header_->abi != abi_version || header_->header_size != header_size)
        problem = "the change ring has another ABI version: install the same version of the nbdkit "
                  "plugin and of its subscribers";
    else if (slots < minimum_slots || (slots & (slots - 1)) != 0 ||
             slots > (size_ - header_size) / sizeof(Slot))
        problem = "not a change ring: wrong number of slots";
    if (problem != nullptr) {
        ::munmap(mapping, size_);
        throw std::runtime_error(problem);
    }
    mask_ = slots - 1;
    slots_ = reinterpret_cast<const Slot*>(static_cast<const std::byte*>(mapping_) + header_size);
    start_over();
}

Subscriber::~Subscriber() {
    ::munmap(const_cast<void*>(mapping_), size_);
}

Subscriber::Found Subscriber::look_up(std::uint64_t number, Change& change) const noexcept {
    const Slot& slot = slots_[number & mask_];
    if (slot.seq.load(std::memory_order_acquire) == number) {
        change.number = number;
        change.offset = slot.offset.load(std::memory_order_relaxed);
        change.length = slot.length.load(std::memory_order_relaxed);
        change.kind = Kind{slot.kind.load(std::memory_order_relaxed)};
        change.done = slot.done.load(std::memory_order_acquire) == number;
        std::atomic_thread_fence(std::memory_order_acquire);
        if (slot.seq.load(std::memory_order_relaxed) == number)
            return Found::published;
    }
    // Whoever empties a slot to reuse it has raised `begin` before, so this tells the two apart.
    const std::uint64_t newest = header_->begin.load(std::memory_order_acquire);
    return newest - number > mask_ ? Found::overwritten : Found::unpublished;
}

// Looks at one change; false when it was overwritten.
bool Subscriber::take(std::uint64_t number, const std::function<void(const Change&)>* on_change) {
    Change change;
    switch (look_up(number, change)) {
    case Found::overwritten:
        return false;
    case Found::unpublished:
        unpublished_.push_back(number);
        return true;
    case Found::published:
        break;
    }
    if (change.kind == Kind::flush) // changes nothing, so it is never "in flight"
        change.done = true;
    if (!change.done)
        in_flight_.push_back(change);
    if (on_change != nullptr)
        (*on_change)(change);
    return true;
}

// Takes the newest change as the position, and finds what is still under way: it can only be among
// the numbers that the ring has room for (Publisher::begin). A slot that is overwritten meanwhile
// was done, and its new change is past the position.
void Subscriber::start_over() {
    in_flight_.clear();
    unpublished_.clear();
    seen_ = header_->begin.load(std::memory_order_acquire);
    const std::uint64_t oldest = seen_ > mask_ ? seen_ - mask_ : 1;
    // Counted, so that it ends whatever number the publisher claims to be at.
    const std::uint64_t count = seen_ > mask_ ? mask_ + 1 : seen_;
    for (std::uint64_t i = 0; i < count; ++i)
        take(oldest + i, nullptr);
}

bool Subscriber::drain(const std::function<void(const Change&)>& on_change) {
    std::atomic_thread_fence(std::memory_order_seq_cst); // pairs with Publisher::begin()
    const std::uint64_t newest = header_->begin.load(std::memory_order_acquire);
    if (newest == seen_ && unpublished_.empty() && in_flight_.empty())
        return true;
    bool complete = newest - seen_ <= mask_ + 1;

    std::erase_if(in_flight_, [this](Change& change) {
        const Slot& slot = slots_[change.number & mask_];
        // A slot is reused only after its change was done.
        return slot.seq.load(std::memory_order_acquire) != change.number ||
               slot.done.load(std::memory_order_acquire) == change.number;
    });

    std::vector<std::uint64_t> earlier;
    earlier.swap(unpublished_);
    for (const std::uint64_t number : earlier)
        complete = complete && take(number, &on_change);
    while (complete && seen_ < newest) {
        complete = take(seen_ + 1, &on_change);
        ++seen_;
    }
    // A publisher has no more under way than it has slots; one that claims so is not to be
    // believed.
    complete = complete && unpublished_.size() <= mask_ + 1;
    if (!complete)
        start_over();
    return complete;
}

bool Subscriber::quiet() const {
    std::atomic_thread_fence(std::memory_order_seq_cst); // as in drain()
    return header_->begin.load(std::memory_order_acquire) == seen_ && unpublished_.empty() &&
           in_flight_.empty();
}

bool Subscriber::in_flight(std::uint64_t offset, std::uint64_t length) const {
    return std::any_of(in_flight_.begin(), in_flight_.end(), [&](const Change& change) {
        return change.offset < offset + length && offset < change.offset + change.length;
    });
}

} // namespace bootview::ring
