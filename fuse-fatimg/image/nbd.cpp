#include "fuse-fatimg/image/nbd.h"

#include "fuse-fatimg/log.h"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <libnbd.h>
#include <unistd.h>

namespace bootview::image {

namespace {

// Every server takes requests of this size, if it says nothing else (NBD protocol, "Block size
// constraints").
constexpr std::uint64_t usual_maximum = 32 << 20;
constexpr auto connect_patience = std::chrono::seconds{10};
constexpr auto request_patience = std::chrono::seconds{30};
constexpr auto pause = std::chrono::milliseconds{100}; // twice as long before each next attempt
constexpr int attempts = 4;
constexpr auto rest_after_failure = std::chrono::seconds{1};

[[noreturn]] void fail() {
    throw std::runtime_error(::nbd_get_error() != nullptr ? ::nbd_get_error() : "unknown error");
}

} // namespace

bool is_nbd_uri(std::string_view name) {
    const auto scheme = name.substr(0, name.find("://"));
    return scheme.size() < name.size() &&
           (scheme == "nbd" || scheme == "nbds" || scheme.starts_with("nbd+") ||
            scheme.starts_with("nbds+"));
}

void Nbd::Close::operator()(nbd_handle* handle) const {
    ::nbd_close(handle);
}

Nbd::Nbd(const std::string& uri) : uri_(uri) {
    const std::scoped_lock lock{mutex_};
    try {
        connect();
    } catch (const std::exception& e) {
        throw std::runtime_error(fmt::format("{}: {}: check the URI, and that the server runs "
                                             "(nbdinfo URI shows what it serves)",
                                             uri_, e.what()));
    }
}

Nbd::~Nbd() = default;

uid_t Nbd::owner() const {
    return ::geteuid();
}

std::uint64_t Nbd::size() const {
    const std::scoped_lock lock{mutex_};
    return size_;
}

// Until `done`; a server that says nothing for too long counts as lost.
template<typename Done>
void Nbd::wait(Clock::time_point deadline, Done done) const {
    while (!done()) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (left <= 0)
            throw std::runtime_error("the server does not answer");
        if (::nbd_poll(handle_.get(), static_cast<int>(left)) < 0)
            fail();
    }
}

void Nbd::connect() const {
    handle_.reset(::nbd_create());
    try {
        if (!handle_)
            fail();
        ::nbd_set_uri_allow_local_file(handle_.get(), true); // the keys for TLS
        if (::nbd_aio_connect_uri(handle_.get(), uri_.c_str()) != 0)
            fail();
        wait(Clock::now() + connect_patience,
             [this] { return ::nbd_aio_is_connecting(handle_.get()) == 0; });
        if (::nbd_aio_is_ready(handle_.get()) != 1)
            fail();
        const auto block = [this](int which, std::int64_t otherwise) {
            const std::int64_t size = ::nbd_get_block_size(handle_.get(), which);
            return static_cast<std::uint64_t>(size > 0 ? size : otherwise);
        };
        const std::int64_t size = ::nbd_get_size(handle_.get());
        if (size < 0)
            fail();
        size_ = static_cast<std::uint64_t>(size);
        minimum_ = std::min(block(LIBNBD_SIZE_MINIMUM, 1), std::uint64_t{65536});
        maximum_ = std::min(block(LIBNBD_SIZE_MAXIMUM, usual_maximum), usual_maximum);
        maximum_ = std::max(maximum_ / minimum_ * minimum_, minimum_);
    } catch (...) {
        handle_.reset();
        throw;
    }
}

void Nbd::read_request(std::uint64_t offset, std::span<std::byte> data) const {
    const std::int64_t cookie = ::nbd_aio_pread(handle_.get(), data.data(), data.size(), offset,
                                                nbd_completion_callback{}, 0);
    if (cookie < 0)
        fail();
    try {
        wait(Clock::now() + request_patience, [&] {
            const int done =
                ::nbd_aio_command_completed(handle_.get(), static_cast<std::uint64_t>(cookie));
            if (done < 0)
                fail();
            return done == 1;
        });
    } catch (...) {
        // The server's answer must not be written to where `data` was.
        if (::nbd_aio_is_ready(handle_.get()) != 1 || ::nbd_aio_in_flight(handle_.get()) != 0)
            handle_.reset();
        throw;
    }
}

void Nbd::read_or_reconnect(std::uint64_t offset, std::span<std::byte> data) const {
    if (!handle_ && Clock::now() < next_attempt_)
        throw std::system_error(EIO, std::generic_category(), uri_);
    std::string problem;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        if (attempt > 0)
            std::this_thread::sleep_for(pause * (1 << (attempt - 1)));
        const bool was_lost = !handle_;
        try {
            if (was_lost)
                connect();
            read_request(offset, data);
            if (was_lost)
                log::info(fmt::format("{}: connected again", uri_));
            return;
        } catch (const std::runtime_error& e) {
            problem = e.what();
            if (handle_) // it answers, but not with these bytes: no use to ask again
                break;
            if (!was_lost)
                log::warning(fmt::format("{}: {}: connecting again", uri_, problem));
        }
    }
    next_attempt_ = Clock::now() + rest_after_failure;
    throw std::system_error(EIO, std::generic_category(), fmt::format("{}: {}", uri_, problem));
}

bool Nbd::read(std::uint64_t offset, std::span<std::byte> data) const {
    const std::scoped_lock lock{mutex_};
    if (offset > size_ || data.size() > size_ - offset)
        return false;
    while (!data.empty()) {
        const std::uint64_t skip = offset % minimum_;
        const std::uint64_t take = std::min<std::uint64_t>(data.size(), maximum_ - skip);
        if (skip == 0 && take % minimum_ == 0) {
            read_or_reconnect(offset, data.first(take));
        } else { // the server wants whole blocks
            const std::uint64_t whole = (skip + take + minimum_ - 1) / minimum_ * minimum_;
            std::vector<std::byte> blocks(std::min(whole, size_ - (offset - skip)));
            read_or_reconnect(offset - skip, blocks);
            std::copy_n(blocks.begin() + static_cast<std::ptrdiff_t>(skip), take, data.begin());
        }
        offset += take;
        data = data.subspan(take);
    }
    return true;
}

} // namespace bootview::image
