// What to follow a scattered chain costs where it is nothing but numbers in memory: the floor of
// what a scattered file costs to open. Past the processor's cache each step waits for memory, so
// four times the clusters take far more than four times as long.
//
//     chain-floor [CLUSTERS]       and at a quarter of it; 1,000,000
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <random>
#include <vector>

namespace {

// One chain through all clusters, in random order.
std::vector<std::uint32_t> scattered_chain(std::uint32_t clusters) {
    std::vector<std::uint32_t> order(clusters);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::mt19937(1));
    std::vector<std::uint32_t> next(clusters);
    for (std::uint32_t i = 0; i < clusters; ++i)
        next[order[i]] = order[(i + 1) % clusters];
    return next;
}

// The median of 9, in ms.
double follow(std::uint32_t clusters) {
    const auto next = scattered_chain(clusters);
    std::vector<double> times;
    for (int round = 0; round < 9; ++round) {
        const auto begun = std::chrono::steady_clock::now();
        std::uint32_t cluster = 0;
        for (std::uint32_t i = 0; i < clusters; ++i)
            cluster = next[cluster];
        const std::chrono::duration<double, std::milli> time =
            std::chrono::steady_clock::now() - begun;
        if (cluster != 0) // so that nobody leaves it out
            std::abort();
        times.push_back(time.count());
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

} // namespace

int main(int argc, char** argv) {
    const auto clusters =
        argc > 1 ? static_cast<std::uint32_t>(std::strtoul(argv[1], nullptr, 10)) : 1'000'000U;
    if (clusters < 4) {
        fmt::print(stderr, "usage: chain-floor [CLUSTERS]\n");
        return 2;
    }
    const double all = follow(clusters), quarter = follow(clusters / 4);
    fmt::print("{} clusters {:.2f} ms, a quarter {:.2f} ms, growth {:.1f}\n", clusters, all,
               quarter, all / quarter);
    return 0;
}
