#include "fuse-fatimg/fuse/tender.h"

#include "fuse-fatimg/fuse/thread_without_signals.h"

#include <cerrno>
#include <cstdint>
#include <exception>
#include <system_error>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace bootview::fuse {

namespace {

// Attached, the servers wake us; this is for a word of theirs that was lost.
constexpr int tick_ms = 2000;
constexpr int tick_without_server_ms = 200;

} // namespace

Tender::Tender(view::View& view, std::function<void()> after_each_look)
    : view_(view), after_each_look_(std::move(after_each_look)), quit_(::eventfd(0, EFD_CLOEXEC)) {
    if (!quit_)
        throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Tender::start() {
    thread_ = thread_without_signals([this] { run(); });
}

void Tender::stop() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(quit_.get(), &one, sizeof one);
    if (thread_.joinable())
        thread_.join();
}

void Tender::run() {
    for (;;) {
        bool all_attached = false;
        std::vector<pollfd> wait{{quit_.get(), POLLIN, 0}};
        try {
            // A socket may be closed and its number reused by the time poll() looks: that wakes
            // this loop once more than needed, no harm.
            for (const int socket : view_.tend(all_attached))
                wait.push_back({socket, POLLIN, 0});
            after_each_look_();
        } catch (const std::exception&) {
            // An image that can't be looked at now; requests for it say so.
        }
        ::poll(wait.data(), wait.size(), all_attached ? tick_ms : tick_without_server_ms);
        if (wait[0].revents != 0)
            return;
    }
}

} // namespace bootview::fuse
