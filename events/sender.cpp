#include "events/sender.h"

#include "common/unix_socket.h"

#include <cerrno>
#include <cstdlib>
#include <exception>

#include <sys/socket.h>

namespace bootview::events {

namespace {

constexpr std::chrono::seconds between_attempts{1};

} // namespace

std::unique_ptr<Sender> Sender::from_environment() {
    const char* path = std::getenv(environment_variable); // NOLINT(concurrency-mt-unsafe): start-up
    return path != nullptr && *path == '/' ? std::make_unique<Sender>(path) : nullptr;
}

bool Sender::connect() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_attempt_)
        return false;
    next_attempt_ = now + between_attempts;
    socket_ = connect_to(path_, SOCK_SEQPACKET);
    return static_cast<bool>(socket_);
}

void Sender::send(const Event& event) noexcept {
    try {
        const std::lock_guard lock{mutex_};
        // Whoever listened may have been started again since: one more attempt.
        for (int attempt = 0; attempt < 2; ++attempt) {
            if (!socket_ && !connect())
                break;
            const std::string text = to_json(event);
            if (::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
                return;
            if (errno == EAGAIN) // a listener that does not keep up
                break;
            socket_.reset();
        }
        ++lost_;
    } catch (const std::exception&) { // out of memory
    }
}

std::uint64_t Sender::lost() const {
    const std::lock_guard lock{mutex_};
    return lost_;
}

} // namespace bootview::events
