#include "tests/fuzz/hostile_publisher.h"

#include "change-ring/protocol.h"
#include "tests/fuzz/fuzz_target.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace bootview::fuzz {

using ring::Header;
using ring::Slot;

HostileSegment::HostileSegment(std::uint64_t slots, std::int64_t extra, int seals)
    : memory_(::memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING)), slots_(slots) {
    const auto wanted = static_cast<std::int64_t>(ring::segment_size(slots)) + extra;
    size_ = static_cast<std::size_t>(std::max<std::int64_t>(wanted, 0));
    require(memory_ && ::ftruncate(memory_.get(), static_cast<off_t>(size_)) == 0, "memfd_create");
    ::fcntl(memory_.get(), F_ADD_SEALS, seals);
    if (size_ < ring::header_size) // to be refused; there is nothing to write to
        return;
    mapping_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
    require(mapping_ != MAP_FAILED, "mmap");
    header().magic = ring::segment_magic;
    header().abi = ring::abi_version;
    header().header_size = ring::header_size;
    header().slots = slots;
    header().state.store(static_cast<std::uint32_t>(ring::State::live));
}

HostileSegment::~HostileSegment() {
    if (mapping_ != nullptr)
        ::munmap(mapping_, size_);
}

Slot* HostileSegment::slot(std::uint64_t number) const {
    const std::uint64_t there = (size_ - ring::header_size) / sizeof(Slot);
    auto* first = reinterpret_cast<Slot*>(static_cast<std::byte*>(mapping_) + ring::header_size);
    const std::uint64_t index = number & (slots_ - 1);
    return index < there ? first + index : nullptr;
}

void HostileSegment::publish(std::uint32_t kind, std::uint64_t offset, std::uint64_t length,
                             bool done) {
    const std::uint64_t number = header().begin.fetch_add(1) + 1;
    if (Slot* at = slot(number)) {
        at->offset.store(offset);
        at->length.store(length);
        at->kind.store(kind);
        at->seq.store(number);
        if (done)
            at->done.store(number);
    }
}

void HostileSegment::act(Input& input) {
    if (mapping_ == nullptr)
        return;
    switch (input.u8() % 7) {
    case 0: { // any bytes of the header
        const std::size_t at = input.u8();
        const auto bytes = input.bytes(input.u8() % 16);
        std::memcpy(static_cast<std::byte*>(mapping_) + at, bytes.data(), bytes.size());
        break;
    }
    case 1: { // one field of a slot
        Slot* at = slot(input.u16());
        const unsigned field = input.u8();
        const std::uint64_t value = input.u64();
        if (at == nullptr)
            break;
        if (field % 5 == 3)
            at->kind.store(static_cast<std::uint32_t>(value));
        else
            (field % 5 == 0   ? at->seq
             : field % 5 == 1 ? at->offset
             : field % 5 == 2 ? at->length
                              : at->done)
                .store(value);
        break;
    }
    case 2: { // honest changes, by the dozen
        const unsigned count = input.u8() % 64;
        const unsigned flags = input.u8();
        const std::uint64_t offset = input.number(5);
        const std::uint64_t length = input.number(3);
        for (unsigned i = 0; i < count; ++i)
            publish(flags % 5, offset + i * length, length, (flags & 0x80) != 0);
        break;
    }
    case 3: // a change is done
        if (const std::uint64_t number = header().begin.load() - input.u8();
            Slot* at = slot(number))
            at->done.store(number);
        break;
    case 4: // numbers given out, or taken back
        header().begin.fetch_add(
            static_cast<std::uint64_t>(static_cast<std::int16_t>(input.u16())));
        break;
    case 5: // a slot appears late
        if (const std::uint64_t number = header().begin.load() - input.u8();
            Slot* at = slot(number))
            at->seq.store(number);
        break;
    default:
        header().begin.store(input.u64());
    }
}

RestlessPublisher::RestlessPublisher(HostileSegment& segment, std::uint64_t slots,
                                     std::uint64_t begin) {
    if (segment.mapping_ == nullptr)
        return;
    thread_ = std::thread{[this, &header = segment.header(), slots, begin] {
        const std::uint64_t honest = header.slots;
        auto& field = reinterpret_cast<std::atomic<std::uint64_t>&>(header.slots);
        while (!stop_.load(std::memory_order_relaxed)) {
            field.store(slots, std::memory_order_relaxed);
            header.begin.fetch_add(begin, std::memory_order_relaxed);
            field.store(honest, std::memory_order_relaxed);
            header.begin.fetch_sub(begin, std::memory_order_relaxed);
        }
    }};
}

RestlessPublisher::~RestlessPublisher() {
    stop_.store(true);
    if (thread_.joinable())
        thread_.join();
}

HostileServer::HostileServer()
    : path_(1, '\0'), listener_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
    // A name that begins with a NUL lies in no directory (unix(7), "abstract"), and goes by itself.
    path_ += "bootview-fuzz-" + std::to_string(::getpid());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    require(listener_ &&
                ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address),
                       sizeof address) == 0 &&
                ::listen(listener_.get(), 16) == 0,
            "bind");
}

Descriptor HostileServer::accept() const {
    return Descriptor{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
}

void HostileServer::send(int socket, Input& input, int segment) {
    const unsigned shape = input.u8();
    ring::Message message{ring::MessageType::welcome, ring::abi_version, 0};
    std::array<std::byte, 64> packet{};
    std::memcpy(packet.data(), &message, sizeof message);
    std::size_t length = sizeof message;
    if ((shape & 0x08) != 0) {
        const auto bytes = input.bytes(input.u8() % (packet.size() + 1));
        std::copy(bytes.begin(), bytes.end(), packet.begin());
        length = bytes.size();
    } else if ((shape & 0x10) != 0) {
        message.type = ring::MessageType{input.u8()};
        message.value = input.u32();
        std::memcpy(packet.data(), &message, sizeof message);
    }
    iovec data{packet.data(), length};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(7 * sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    if (const std::size_t count = shape % 8; count > 0) {
        std::array<int, 7> descriptors{};
        descriptors.fill((shape & 0x20) != 0 ? socket : segment);
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(count * sizeof(int));
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(count * sizeof(int));
        std::memcpy(CMSG_DATA(rights), descriptors.data(), count * sizeof(int));
    }
    ::sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

unsigned open_descriptors() {
    unsigned count = 0;
    for (int fd = 0; fd < 256; ++fd)
        count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
}

} // namespace bootview::fuzz
