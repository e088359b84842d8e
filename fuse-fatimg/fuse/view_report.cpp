#include "fuse-fatimg/fuse/view_report.h"

#include <set>
#include <utility>

namespace bootview::fuse {

namespace {

constexpr std::chrono::seconds between_reports{1};
// Who begins to listen later learns of a view that rests, too.
constexpr std::chrono::seconds at_least_every{30};

} // namespace

std::unique_ptr<ViewReport> ViewReport::from_environment(const view::View& view,
                                                         const std::atomic<std::uint64_t>& stale,
                                                         std::string mountpoint) {
    auto sender = events::Sender::from_environment();
    return sender
               ? std::make_unique<ViewReport>(view, stale, std::move(mountpoint), std::move(sender))
               : nullptr;
}

ViewReport::ViewReport(const view::View& view, const std::atomic<std::uint64_t>& stale,
                       std::string mountpoint, std::unique_ptr<events::Sender> sender)
    : view_(view), stale_(stale), mountpoint_(std::move(mountpoint)), sender_(std::move(sender)) {}

void ViewReport::tell_news() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_)
        return;
    next_ = now + between_reports;
    const bool tell_all = now >= all_again_;
    if (tell_all)
        all_again_ = now + at_least_every;
    const auto stale = stale_.load(std::memory_order_relaxed);
    std::set<std::string> gone;
    for (const auto& [path, told] : told_)
        gone.insert(path);
    for (const auto& image : view_.images()) {
        gone.erase(image.path);
        const Told news{image, stale};
        if (const auto told = told_.find(image.path);
            !tell_all && told != told_.end() && told->second == news)
            continue;
        told_.insert_or_assign(image.path, news);
        sender_->send(events::View{
            .image = image.path,
            .mountpoint = mountpoint_,
            .mode = image.status.mode == view::Mode::attached ? "attached" : "poll",
            .generation = image.status.epoch,
            .stale = stale,
            .overflows = image.overflows,
            .waits = image.waits,
        });
    }
    for (const auto& path : gone) {
        told_.erase(path);
        sender_->send(events::View{.image = path, .mountpoint = mountpoint_, .mode = "gone"});
    }
}

} // namespace bootview::fuse
