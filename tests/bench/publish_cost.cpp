// What a write pays for being published, and what a read pays for being sure. The floor in the same
// run: a pwrite(2) of 4 KiB to tmpfs, without which no publication ever happens.
#include "change-ring/client.h"
#include "change-ring/server.h"
#include "change-ring/subscriber.h"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace bootview;
using namespace bootview::ring;

namespace {

struct Served {
    Served() {
        server->add(publisher, path);
        server->start();
    }
    std::string path =
        (std::filesystem::temp_directory_path() / ("publish-cost-" + std::to_string(::getpid())))
            .string();
    std::unique_ptr<Server> server = std::make_unique<Server>(Access{});
    std::shared_ptr<Publisher> publisher =
        std::make_shared<Publisher>(ImageId{1, 2}, 0, server->doorbell());
};

Served& served() {
    static Served one;
    return one;
}

void write_4k(benchmark::State& state) {
    static const Descriptor file{::memfd_create("floor", MFD_CLOEXEC)};
    const std::vector<char> block(4096, 'x');
    for (auto _ : state)
        benchmark::DoNotOptimize(::pwrite(file.get(), block.data(), block.size(), 0));
}
BENCHMARK(write_4k)->Threads(1)->Threads(2);

void publish(benchmark::State& state) {
    Publisher& publisher = *served().publisher;
    for (auto _ : state)
        const Publication published{publisher, Kind::write, 4096, 4096};
}
BENCHMARK(publish)->Name("publish, no subscriber")->Threads(1)->Threads(2)->Threads(16);

void publish_to_one(benchmark::State& state) {
    // Attached and awake: it drains as a view does, after each wake.
    static std::unique_ptr<Connection> connection;
    if (state.thread_index() == 0)
        connection = std::make_unique<Connection>(connect(served().path, ::geteuid()));
    publish(state);
    if (state.thread_index() == 0) {
        hear(*connection);
        connection.reset();
    }
}
BENCHMARK(publish_to_one)->Name("publish, one subscriber")->Threads(1)->Threads(2)->Threads(16);

void drain_nothing(benchmark::State& state) {
    const Connection connection = connect(served().path, ::geteuid());
    const std::function<void(const Change&)> ignore = [](const Change&) {};
    for (auto _ : state)
        benchmark::DoNotOptimize(connection.ring->drain(ignore));
}
BENCHMARK(drain_nothing)->Name("drain, nothing new");

void drain_one(benchmark::State& state) {
    const Connection connection = connect(served().path, ::geteuid());
    const std::function<void(const Change&)> ignore = [](const Change&) {};
    for (auto _ : state) {
        const Publication published{*served().publisher, Kind::write, 4096, 4096};
        benchmark::DoNotOptimize(connection.ring->drain(ignore));
    }
}
BENCHMARK(drain_one)->Name("publish and drain one");

} // namespace

BENCHMARK_MAIN();
