#include "nbdkit-plugin/writers.h"

#include "nbdkit-plugin/last_writer.h"

#include <algorithm>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace bootview::plugin {

namespace {

// How often a connection's state is looked at while something is expected of it. Nothing tells of
// an answer to a probe.
constexpr std::chrono::milliseconds look_again{10};
// What a client that polls is told so often is logged no oftener.
constexpr std::chrono::minutes between_news{1};
// A client that goes round with ever new addresses is not remembered for ever.
constexpr std::size_t max_refused = 64;

std::string time_of_day(std::chrono::system_clock::time_point when) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    return fmt::format("{:%H:%M:%S}", parts);
}

} // namespace

WriterRule parse_writer_rule(const std::string& value) {
    if (value == "any")
        return WriterRule::any;
    if (value == "one")
        return WriterRule::one;
    throw std::invalid_argument(fmt::format(
        "writers={}: must be one (a second client that may write is refused) or any", value));
}

struct Writers::Place::Seat {
    std::unique_ptr<ClientLink> link;
    std::chrono::steady_clock::time_point vouched; // when it has come, or last answered for a newer
    std::optional<std::chrono::steady_clock::time_point> pressed; // since when it is impatient
};

Writers::Place::Place(Writers& writers, ring::ImageId image, std::shared_ptr<Seat> seat)
    : writers_(writers), image_(image), seat_(std::move(seat)) {}

Writers::Place::~Place() {
    writers_.leave(image_, seat_);
}

std::unique_ptr<Writers::Place> Writers::take(ring::ImageId id, const std::string& client,
                                              std::unique_ptr<ClientLink> link,
                                              const TakeLock& take_lock,
                                              const std::string& memory) {
    auto seat = std::make_shared<Seat>(Seat{std::move(link), Clock::now(), {}});
    std::unique_ptr<Place> place; // left again, after `guard` is, if something is thrown
    Guard guard{mutex_};
    wait_for_others(id, client, memory, guard);
    Image& image = images_[id];
    if (image.seats.empty()) {
        image.client = client;
        image.since = std::chrono::system_clock::now();
    }
    // From here on nobody else is let in.
    image.seats.push_back(seat);
    place.reset(new Place(*this, id, seat)); // NOLINT: its constructor is ours alone
    lock(image, take_lock, guard);
    prove_older(image, seat, guard);
    if (image.memory != memory) {
        image.memory = memory;
        note_last_writer(memory, client);
    }
    return place;
}

void Writers::wait_for_others(ring::ImageId id, const std::string& client,
                              const std::string& memory, Guard& guard) {
    const auto until = Clock::now() + patience_.leaving;
    for (;;) {
        const auto found = images_.find(id);
        if (found == images_.end())
            break;
        Image& image = found->second;
        if (image.client == client)
            return;
        press(image);
        if (Clock::now() >= until)
            refuse(id, client,
                   fmt::format("written by {} since {}; one client at a time may write an image",
                               image.client, time_of_day(image.since)));
        changed_.wait_for(guard, look_again);
    }
    if (memory.empty() || Clock::now() - started_ >= patience_.kept)
        return;
    const std::string last = read_last_writer(memory);
    if (!last.empty() && last != client)
        refuse(id, client,
               fmt::format("kept for {}, which wrote it when the server was restarted, for {} s "
                           "from then on; one client at a time may write an image",
                           last, patience_.kept.count() / 1000));
}

void Writers::refuse(ring::ImageId id, const std::string& client, const std::string& why) {
    const auto now = Clock::now();
    if (told_.size() >= max_refused)
        told_.clear();
    const auto [told, first] = told_.try_emplace({id, client}, now);
    const bool is_news = first || now - told->second >= between_news;
    if (is_news)
        told->second = now;
    throw InUse(why, is_news);
}

// Somebody else waits for this image. The kernel ends connections whose client does not answer; but
// while it waits to retransmit something, up to two minutes, it does not look, and so we do.
void Writers::press(Image& image) const {
    const auto now = Clock::now();
    for (const auto& seat : image.seats) {
        if (!seat->link)
            continue;
        if (!seat->pressed) {
            seat->pressed = now;
            seat->link->be_impatient();
        } else if (now - *seat->pressed >= patience_.probes &&
                   seat->link->look().silent >= patience_.lost) {
            seat->link->end();
        }
    }
}

// By whichever connection of the client comes first; the others wait for it.
void Writers::lock(Image& image, const TakeLock& take_lock, Guard& guard) {
    changed_.wait(guard, [&] { return image.locking != Image::Locking::under_way; });
    if (image.locking == Image::Locking::done)
        return;
    image.locking = Image::Locking::under_way;
    guard.unlock();
    Descriptor taken;
    std::exception_ptr trouble;
    try {
        taken = take_lock();
    } catch (...) {
        trouble = std::current_exception();
    }
    guard.lock();
    image.locking = trouble ? Image::Locking::not_yet : Image::Locking::done;
    image.lock = std::move(taken);
    changed_.notify_all();
    if (trouble)
        std::rethrow_exception(trouble);
}

// A client that has crashed, or whose cable was cut, comes back by a new connection. What it sent
// over an old one must not be written after what it sends over the new one. So each older one is
// alive, or ended and gone, before the new one is let in.
void Writers::prove_older(Image& image, const std::shared_ptr<Seat>& newest, Guard& guard) {
    const auto begun = Clock::now();
    const auto is_settled = [&](const std::shared_ptr<Seat>& seat) {
        if (std::find(image.seats.begin(), image.seats.end(), seat) == image.seats.end())
            return true; // gone
        const Life life = seat->link->look();
        const auto now = Clock::now();
        if (life.ended)
            return false;
        if (life.silent < now - begun)
            seat->vouched = now;
        return now - seat->vouched < patience_.vouched && life.silent < patience_.probe;
    };
    std::vector<std::shared_ptr<Seat>> doubtful;
    Milliseconds proof = patience_.proof;
    for (const auto& seat : image.seats)
        if (seat == newest)
            break;
        else if (seat->link && !is_settled(seat)) {
            doubtful.push_back(seat);
            proof = std::max(proof, patience_.probe - seat->link->look().silent + patience_.answer);
            seat->link->ask();
        }
    const auto asked = doubtful;
    const auto wait_until = [&](Clock::time_point end) {
        while (!doubtful.empty() && Clock::now() < end) {
            changed_.wait_for(guard, look_again);
            std::erase_if(doubtful, is_settled);
        }
    };
    wait_until(begun + proof);
    for (const auto& seat : asked)
        seat->link->stop_asking();
    for (const auto& seat : doubtful)
        seat->link->end();
    wait_until(begun + proof + patience_.ending);
    if (!doubtful.empty())
        throw InUse(fmt::format("written by {} since {}, by an older connection whose last "
                                "requests are still under way; connect again",
                                image.client, time_of_day(image.since)),
                    true);
}

void Writers::leave(ring::ImageId id, const std::shared_ptr<Seat>& seat) noexcept {
    const std::scoped_lock guard{mutex_};
    const auto found = images_.find(id);
    found->second.seats.remove(seat);
    if (found->second.seats.empty()) {
        if (!found->second.memory.empty())
            forget_last_writer(found->second.memory);
        images_.erase(found);
    }
    changed_.notify_all();
}

std::string Writers::describe(ring::ImageId id) const {
    const std::scoped_lock guard{mutex_};
    const auto found = images_.find(id);
    if (found == images_.end())
        return {};
    return fmt::format("in use: written by {} since {}; one client at a time may write an image",
                       found->second.client, time_of_day(found->second.since));
}

} // namespace bootview::plugin
