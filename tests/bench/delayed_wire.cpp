#include "tests/bench/delayed_wire.h"

#include "tests/support/child_process.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <exception>
#include <stdexcept>
#include <utility>
#include <vector>

namespace bootview::test {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) {
    throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

Descriptor this_namespace() {
    Descriptor fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!fd)
        fail("/proc/thread-self/ns/net");
    return fd;
}

void enter(const Descriptor& name_space) {
    if (setns(name_space.get(), CLONE_NEWNET) != 0)
        fail("setns");
}

Descriptor make_tun(const char* name) {
    Descriptor fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    ifreq request{};
    std::strcpy(request.ifr_name, name);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (!fd || ioctl(fd.get(), TUNSETIFF, &request) != 0)
        fail("/dev/net/tun");
    return fd;
}

void ip(const std::string& arguments) {
    if (run({"sh", "-c", "ip " + arguments}) != 0)
        throw std::runtime_error("ip " + arguments + " failed");
}

// Calls `action` in a thread, which it may put into another namespace, and waits for its end.
void in_a_thread(const std::function<void()>& action) {
    std::exception_ptr problem;
    std::thread([&] {
        try {
            action();
        } catch (...) {
            problem = std::current_exception();
        }
    }).join();
    if (problem)
        std::rethrow_exception(problem);
}

struct Packet {
    Clock::time_point due;
    std::vector<char> bytes;
};

} // namespace

std::string DelayedWire::near_address(unsigned number) {
    return fmt::format("10.77.0.{}", number);
}

std::string DelayedWire::far_address() {
    return "10.77.1.1";
}

DelayedWire::DelayedWire(std::chrono::microseconds each_way)
    : near_namespace_(this_namespace()), stop_(eventfd(0, EFD_CLOEXEC)) {
    ends_[0] = make_tun("near");
    for (unsigned i = 1; i <= near_addresses; ++i)
        ip("address add " + near_address(i) + "/32 dev near");
    ip("link set near up txqueuelen 100000");
    ip("route add 10.77.1.0/24 dev near");
    in_a_thread([this] {
        if (unshare(CLONE_NEWNET) != 0)
            fail("unshare");
        far_namespace_ = this_namespace();
        ends_[1] = make_tun("far");
        ip("address add " + far_address() + "/32 dev far");
        ip("link set far up txqueuelen 100000");
        ip("route add 10.77.0.0/24 dev far");
    });
    carrier_ = std::thread([this, each_way] { carry(each_way); });
}

DelayedWire::~DelayedWire() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(stop_.get(), &one, sizeof one);
    carrier_.join();
}

void DelayedWire::from_far_end(const std::function<void()>& action) const {
    in_a_thread([&] {
        enter(far_namespace_);
        action();
    });
}

void DelayedWire::carry(std::chrono::microseconds delay) {
    prctl(PR_SET_TIMERSLACK, 1UL);            // ns; otherwise each sleep is up to 50 us longer
    std::array<std::deque<Packet>, 2> queues; // [0]: from the near end
    std::array<char, 65536> buffer;
    while (true) {
        auto next = Clock::time_point::max();
        for (const auto& queue : queues)
            if (!queue.empty())
                next = std::min(next, queue.front().due);
        const auto rest = std::max(next - Clock::now(), Clock::duration::zero());
        const timespec wait{0, static_cast<long>(std::min<long>(rest.count(), 999'999'999))};
        std::array<pollfd, 3> fds{pollfd{ends_[0].get(), POLLIN, 0},
                                  {ends_[1].get(), POLLIN, 0},
                                  {stop_.get(), POLLIN, 0}};
        ppoll(fds.data(), fds.size(), next == Clock::time_point::max() ? nullptr : &wait, nullptr);
        if (fds[2].revents != 0)
            return;
        for (std::size_t end = 0; end < 2; ++end)
            while (true) {
                const auto size = read(ends_[end].get(), buffer.data(), buffer.size());
                if (size <= 0)
                    break;
                queues[end].push_back(
                    {Clock::now() + delay, {buffer.data(), buffer.data() + size}});
            }
        for (std::size_t end = 0; end < 2; ++end)
            for (auto& queue = queues[end]; !queue.empty() && queue.front().due <= Clock::now();
                 queue.pop_front()) {
                const auto& bytes = queue.front().bytes;
                [[maybe_unused]] const auto written =
                    write(ends_[1 - end].get(), bytes.data(), bytes.size());
            }
    }
}

} // namespace bootview::test
