// An export of an NBD server, for reading.
//
// A connection that was lost is made again, a few times and not for long; then reads fail with EIO
// until the server is back. Nothing tells when somebody writes to the export, but for a change
// ring.
#pragma once

#include "fuse-fatimg/image/source.h"

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

struct nbd_handle;

namespace bootview::image {

// "nbd://host", "nbd+unix:///?socket=path", "nbds://…": what libnbd takes (the NBD URI
// specification).
bool is_nbd_uri(std::string_view name);

class Nbd final : public Source {
public:
    // Throws std::runtime_error when there is no such export, or no server.
    explicit Nbd(const std::string& uri);
    ~Nbd() override;

    const std::string& name() const override { return uri_; }
    std::uint64_t size() const override;
    bool read(std::uint64_t offset, std::span<std::byte> data) const override;
    Stamp stamp() const override { return {size(), {}, {}}; }
    bool stamp_tells() const override { return false; }
    std::optional<ring::ImageId> id() const override { return std::nullopt; }
    uid_t owner() const override;
    bool is_still_there() const override { return true; }

private:
    using Clock = std::chrono::steady_clock;
    struct Close {
        void operator()(nbd_handle* handle) const;
    };
    using Handle = std::unique_ptr<nbd_handle, Close>;

    void connect() const;
    void read_request(std::uint64_t offset, std::span<std::byte> data) const;
    void read_or_reconnect(std::uint64_t offset, std::span<std::byte> data) const;
    template<typename Done>
    void wait(Clock::time_point deadline, Done done) const;

    std::string uri_;
    mutable std::mutex mutex_; // guards everything below
    mutable Handle handle_;    // null: not connected
    mutable std::uint64_t size_ = 0;
    mutable std::uint64_t minimum_ = 1; // bytes of a request, and what it is a multiple of
    mutable std::uint64_t maximum_ = 1;
    mutable Clock::time_point next_attempt_{};
};

} // namespace bootview::image
