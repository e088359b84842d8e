// Tells whoever listens (events/event.h) how the view keeps up with its images.
#pragma once

#include "events/sender.h"
#include "fuse-fatimg/view/view.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace bootview::fuse {

// Not thread-safe.
class ViewReport {
public:
    // Null: nobody wants to know. `stale`: requests answered by ESTALE, of all images together.
    static std::unique_ptr<ViewReport> from_environment(const view::View& view,
                                                        const std::atomic<std::uint64_t>& stale,
                                                        std::string mountpoint);

    ViewReport(const view::View& view, const std::atomic<std::uint64_t>& stale,
               std::string mountpoint, std::unique_ptr<events::Sender> sender);

    // Of the images of which there are some; at most once in a second, however often it is called.
    void tell_news();

private:
    struct Told {
        view::ImageStatus status;
        std::uint64_t stale = 0;
        friend bool operator==(const Told&, const Told&) = default;
    };

    const view::View& view_;
    const std::atomic<std::uint64_t>& stale_;
    const std::string mountpoint_;
    const std::unique_ptr<events::Sender> sender_;
    std::map<std::string, Told> told_; // by image
    std::chrono::steady_clock::time_point next_{};
    std::chrono::steady_clock::time_point all_again_{};
};

} // namespace bootview::fuse
