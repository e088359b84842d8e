#include "nbdkit-plugin/session_report.h"

#include <exception>
#include <utility>

namespace bootview::plugin {

namespace {

constexpr std::chrono::steady_clock::duration between_reports = std::chrono::seconds{1};

std::uint64_t next_id() {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

} // namespace

SessionReport::SessionReport(std::shared_ptr<events::Sender> sender, About about)
    : sender_(std::move(sender)), about_(std::move(about)), id_(next_id()) {
    tell("opened");
}

SessionReport::~SessionReport() {
    tell("closed");
}

void SessionReport::read(std::uint64_t bytes) noexcept {
    read_.fetch_add(bytes, std::memory_order_relaxed);
    tell_now_and_then();
}

void SessionReport::wrote(std::uint64_t bytes) noexcept {
    // The first write is news: from now on the machine lives on this disk.
    if (written_.fetch_add(bytes, std::memory_order_relaxed) == 0)
        next_.store(0, std::memory_order_relaxed);
    tell_now_and_then();
}

void SessionReport::flushed(std::chrono::nanoseconds took) noexcept {
    flushes_.fetch_add(1, std::memory_order_relaxed);
    flush_ns_.fetch_add(took.count(), std::memory_order_relaxed);
    tell_now_and_then();
}

void SessionReport::tell_now_and_then() noexcept {
    const auto now = Clock::now().time_since_epoch();
    auto due = next_.load(std::memory_order_relaxed);
    if (now.count() >= due && next_.compare_exchange_strong(due, (now + between_reports).count(),
                                                            std::memory_order_relaxed))
        tell("active");
}

void SessionReport::tell(const char* state) noexcept {
    try {
        sender_->send(events::Session{
            .id = id_,
            .client = about_.client,
            .export_name = about_.export_name,
            .image = about_.image,
            .state = state,
            .writable = about_.writable,
            .read_bytes = read_.load(std::memory_order_relaxed),
            .written_bytes = written_.load(std::memory_order_relaxed),
            .flushes = flushes_.load(std::memory_order_relaxed),
            .flush_seconds =
                seconds(std::chrono::nanoseconds{flush_ns_.load(std::memory_order_relaxed)}),
            .seconds = seconds(Clock::now() - opened_),
        });
    } catch (const std::exception&) { // out of memory: it is not told, then
    }
}

} // namespace bootview::plugin
