// tftp-bridge beside other TFTP servers: the same client, the same files, in turns.
//
//     tftp-compare [--rounds N] [--short] [--only TEXT] [--delay MICROSECONDS] [--root DIR]
//
// --only leaves out what has not this text in its title. --delay puts a wire between servers and
// clients on which each packet takes so long. --root serves the files "small", "medium" and "large"
// of a directory that is there.
//
// "over a view" is tftp-bridge again, which serves the same files out of an image that fuse-fatimg
// has mounted.
//
// Run it as root: all servers want port 69. It makes a network namespace of its own, in which each
// server has a loopback address, so nothing else on the machine is touched. Peers: dnsmasq,
// in.tftpd (tftpd-hpa) and atftpd, as far as they are in $PATH, /usr/sbin, or named by $DNSMASQ,
// $IN_TFTPD, $ATFTPD.
//
// What is printed are medians over the rounds, and ratios: absolute numbers are of this machine and
// this hour. "floor" is raw UDP with packets of the same size, without files and without TFTP.
#include "common/descriptor.h"
#include "tests/bench/delayed_wire.h"
#include "tests/support/child_process.h"
#include "tests/support/image_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/tftp_load.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace bootview::test {
namespace {

using Clock = std::chrono::steady_clock;
constexpr unsigned block = 1468;

double seconds_since(Clock::time_point begun) {
    return std::chrono::duration<double>(Clock::now() - begun).count();
}

std::string noise(std::size_t size) {
    std::mt19937_64 random(69);
    std::string result(size, '\0');
    for (auto& c : result)
        c = static_cast<char>(random());
    return result;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[values.size() / 2];
}

// Where servers and clients are: on one loopback device, or at two ends of a wire.
class Network {
public:
    explicit Network(std::optional<std::chrono::microseconds> delay) {
        if (delay)
            wire_.emplace(*delay);
    }
    bool is_wire() const { return wire_.has_value(); }
    std::string server_address(unsigned number) const {
        return wire_ ? DelayedWire::near_address(number) : fmt::format("127.0.0.{}", number);
    }
    std::string client_address() const { return wire_ ? DelayedWire::far_address() : "127.0.0.9"; }
    void as_client(const std::function<void()>& action) const {
        if (wire_)
            wire_->from_far_end(action);
        else
            action();
    }
    std::vector<LoadOutcome> fetch(const std::vector<LoadFetch>& fetches,
                                   const LoadOptions& options) const {
        std::vector<LoadOutcome> outcomes;
        as_client([&] { outcomes = fetch_together(fetches, options); });
        return outcomes;
    }

private:
    std::optional<DelayedWire> wire_;
};

// Nobody else's port 69, and nobody else's packets.
void enter_own_network() {
    if (unshare(CLONE_NEWNET) != 0)
        throw std::runtime_error("cannot make a network namespace; run it as root");
    const Descriptor fd(socket(AF_INET, SOCK_DGRAM, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0)
        throw std::runtime_error("cannot bring up loopback");
    // tftpd-hpa takes no address at all where there are only those of loopback.
    test::run({"ip", "address", "add", "192.0.2.1/32", "dev", "lo"});
}

std::optional<std::string> find_program(const char* variable, const std::string& name) {
    if (const char* path = std::getenv(variable))
        return path;
    for (const auto* directory : {"/usr/sbin/", "/usr/bin/", "/usr/local/sbin/"})
        if (access((directory + name).c_str(), X_OK) == 0)
            return directory + name;
    return std::nullopt;
}

struct Server {
    std::string name;
    std::string address;
    std::vector<std::string> command;
    std::unique_ptr<ChildProcess> process;
};

// Ours over a directory. Everybody else is a peer, but for `viewed`.
const std::string plain = "tftp-bridge", viewed = "over a view";

// The files in an image, mounted; ended with its owner.
class View {
public:
    View(const TemporaryDirectory& scratch, const std::map<std::string, std::string>& files)
        : mount_(scratch / "view") {
        const auto image = scratch / "view.img";
        std::filesystem::create_directory(mount_);
        build_image(image, {.fat_bits = 32, .fat_mebibytes = 300});
        for (const auto& [name, content] : files)
            add_to_image(image, name, content);
        process_ = ChildProcess({FUSE_FATIMG, "-f", image, mount_});
        for (int i = 0; i < 500 && !std::filesystem::exists(mount_ + "/large"); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    View(const View&) = delete;
    View& operator=(const View&) = delete;
    ~View() { process_.stop(); }
    const std::string& path() const { return mount_; }

private:
    const std::string mount_;
    ChildProcess process_;
};

std::vector<Server> servers_over(const TemporaryDirectory& scratch, const std::string& root,
                                 const View& view, const Network& network) {
    std::vector<Server> servers;
    const auto ours = [&](const std::string& name, const std::string& address,
                          const std::string& from) {
        servers.push_back(
            {name,
             address,
             {TFTP_BRIDGE, "--root", from, "--listen", address, "--log-level", "warning"},
             nullptr});
    };
    ours(plain, network.server_address(1), root);
    ours(viewed, network.server_address(5), view.path());
    if (const auto path = find_program("DNSMASQ", "dnsmasq"))
        servers.push_back({"dnsmasq",
                           network.server_address(2),
                           {*path, "-k", "--port=0", "--conf-file=/dev/null", "--enable-tftp",
                            "--tftp-root=" + root, "--listen-address=" + network.server_address(2),
                            "--bind-interfaces", "--user=root", "--pid-file=", "--tftp-max=1000",
                            "--log-facility=/dev/null"},
                           nullptr});
    if (const auto path = find_program("IN_TFTPD", "in.tftpd"))
        servers.push_back(
            {"tftpd-hpa",
             network.server_address(3),
             {*path, "-L", "-a", network.server_address(3) + ":69", "-s", root, "-u", "root"},
             nullptr});
    if (const auto path = find_program("ATFTPD", "atftpd"))
        servers.push_back({"atftpd",
                           network.server_address(4),
                           {*path, "--daemon", "--no-fork", "--bind-address",
                            network.server_address(4), "--maxthread", "1000", "--verbose=0",
                            "--user", "root", "--group", "root", "--logfile", "/dev/null", root},
                           nullptr});
    for (auto& server : servers)
        server.process = std::make_unique<ChildProcess>(
            server.command, ChildProcess::Options{{}, scratch.path() / (server.name + ".log")});
    return servers;
}

// Seconds of CPU that a process has used, those of its threads included.
double cpu_seconds(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text((std::istreambuf_iterator<char>(file)), {});
    text.erase(0, text.rfind(')') + 2);
    double user = 0, system = 0;
    std::size_t at = 0;
    for (int field = 3; field <= 15; ++field) {
        const auto end = text.find(' ', at);
        if (field == 14)
            user = std::stod(text.substr(at, end - at));
        if (field == 15)
            system = std::stod(text.substr(at, end - at));
        at = end + 1;
    }
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

struct Figure {
    double value = 0;      // MB/s, or seconds of a sequence
    double cpu_per_gb = 0; // seconds
    double slowest = 0;    // to the mean
    std::uint64_t repeated = 0;
};

Figure fetch(const Network& network, const Server& server, const std::vector<LoadFetch>& fetches,
             unsigned window) {
    LoadOptions options;
    options.address = server.address;
    options.port = 69;
    options.window = window;
    options.give_up_seconds = 10;
    const auto cpu = cpu_seconds(server.process->pid());
    const auto begun = Clock::now();
    const auto outcomes = network.fetch(fetches, options);
    const double seconds = seconds_since(begun);
    double bytes = 0, slowest = 0, sum = 0;
    Figure figure;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (!outcomes[i].right)
            throw std::runtime_error(server.name + ": " + outcomes[i].problem);
        bytes += static_cast<double>(fetches[i].expected->size());
        slowest = std::max(slowest, outcomes[i].seconds);
        sum += outcomes[i].seconds;
        figure.repeated += outcomes[i].repeated;
    }
    figure.value = bytes / 1e6 / seconds;
    figure.cpu_per_gb = (cpu_seconds(server.process->pid()) - cpu) / (bytes / 1e9);
    figure.slowest = slowest * static_cast<double>(outcomes.size()) / sum;
    return figure;
}

// What a Raspberry Pi does: names that are not there, sizes, and small files, one after the other.
Figure boot_sequence(const Network& network, const Server& server, const std::string& small) {
    LoadOptions options;
    options.address = server.address;
    options.port = 69;
    const auto begun = Clock::now();
    for (int i = 0; i < 30; ++i) {
        options.size_only = false;
        network.fetch({{fmt::format("missing-{}", i), &small}}, options);
        options.size_only = true;
        if (!network.fetch({{"small", &small}}, options)[0].right)
            throw std::runtime_error(server.name + ": no size");
        options.size_only = false;
        if (!network.fetch({{"small", &small}}, options)[0].right)
            throw std::runtime_error(server.name + ": no small file");
    }
    return {seconds_since(begun), 0, 0, 0};
}

// Raw UDP: `burst` packets of a block for each of the client's, cut by the kernel if it is more
// than one. MB/s.
double floor_of(const Network& network, unsigned burst, std::size_t bytes) {
    const auto bound = [](const std::string& text) {
        Descriptor fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        inet_pton(AF_INET, text.c_str(), &address.sin_addr);
        if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("no socket");
        const int room = 4 << 20;
        setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        return fd;
    };
    const auto join = [](int from, int to) {
        sockaddr_in address{};
        socklen_t length = sizeof address;
        getsockname(to, reinterpret_cast<sockaddr*>(&address), &length);
        if (connect(from, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("no connection");
    };
    const Descriptor server = bound(network.server_address(6));
    Descriptor client;
    network.as_client([&] { client = bound(network.client_address()); });
    join(server.get(), client.get());
    join(client.get(), server.get());
    const std::size_t packet = block + 4;
    const unsigned rounds = static_cast<unsigned>(bytes / block / burst);
    std::thread sender([&] {
        const int segment = static_cast<int>(packet);
        if (burst > 1)
            setsockopt(server.get(), SOL_UDP, UDP_SEGMENT, &segment, sizeof segment);
        std::vector<char> data(packet * burst);
        std::array<char, 64> ack;
        for (unsigned i = 0; i < rounds; ++i) {
            if (recv(server.get(), ack.data(), ack.size(), 0) < 0)
                return;
            for (unsigned sent = 0; sent < burst;) {
                const auto now = std::min(burst - sent, 44U);
                if (send(server.get(), data.data(), packet * now, 0) < 0)
                    return;
                sent += now;
            }
        }
    });
    std::vector<char> data(packet * 64);
    std::array<iovec, 64> parts;
    std::array<mmsghdr, 64> messages{};
    for (unsigned i = 0; i < 64; ++i) {
        parts[i] = {data.data() + i * packet, packet};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    const auto begun = Clock::now();
    for (unsigned i = 0; i < rounds; ++i) {
        send(client.get(), "ack", 4, 0);
        for (unsigned got = 0; got < burst;)
            got += static_cast<unsigned>(
                std::max(recvmmsg(client.get(), messages.data(), 64, MSG_WAITFORONE, nullptr), 0));
    }
    const double seconds = seconds_since(begun);
    sender.join();
    return static_cast<double>(rounds) * burst * block / 1e6 / seconds;
}

struct Scenario {
    std::string title;
    bool less_is_better;
    std::function<Figure(const Server&)> run;
    std::function<double()> floor; // MB/s; may be empty
};

void compare(const Scenario& scenario, std::vector<Server>& servers, unsigned rounds) {
    std::map<std::string, std::vector<double>> values, cpu, slowest;
    std::map<std::string, std::string> failed;
    std::vector<double> floors;
    for (unsigned round = 0; round < rounds; ++round) {
        if (scenario.floor)
            floors.push_back(scenario.floor());
        for (std::size_t i = 0; i < servers.size(); ++i) { // nobody always comes first
            auto& server = servers[(i + round) % servers.size()];
            try {
                const auto figure = scenario.run(server);
                values[server.name].push_back(figure.value);
                cpu[server.name].push_back(figure.cpu_per_gb);
                slowest[server.name].push_back(figure.slowest);
            } catch (const std::exception& error) {
                failed[server.name] = error.what();
            }
        }
    }
    fmt::print("\n{}\n", scenario.title);
    double best_peer = 0;
    for (const auto& [name, all] : values)
        if (name != plain && name != viewed &&
            (best_peer == 0 ||
             (scenario.less_is_better ? median(all) < best_peer : median(all) > best_peer)))
            best_peer = median(all);
    for (const auto& server : servers) {
        if (failed.contains(server.name)) {
            fmt::print("  {:12} failed: {}\n", server.name, failed[server.name]);
            continue;
        }
        const auto value = median(values[server.name]);
        if (scenario.less_is_better)
            fmt::print("  {:12} {:9.4f} s   {:5.2f} of the best peer\n", server.name, value,
                       value / best_peer);
        else
            fmt::print("  {:12} {:9.1f} MB/s {:5.2f} of the best peer, CPU {:5.2f} s/GB, slowest "
                       "client {:.2f} of the mean\n",
                       server.name, value, best_peer == 0 ? 0 : value / best_peer,
                       median(cpu[server.name]), median(slowest[server.name]));
    }
    if (!floors.empty())
        fmt::print("  {:12} {:9.1f} MB/s; tftp-bridge has {:.2f} of it\n", "floor", median(floors),
                   median(values[plain]) / median(floors));
    fmt::print("  a view costs: {:.2f} of the speed over a directory\n",
               scenario.less_is_better ? median(values[plain]) / median(values[viewed])
                                       : median(values[viewed]) / median(values[plain]));
    std::fflush(stdout);
}

int compare_all(int argc, char** argv) {
    unsigned rounds = 7;
    std::size_t scale = 4;
    std::optional<std::string> given_root;
    std::optional<std::chrono::microseconds> delay;
    std::string only;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument == "--short") {
            rounds = 3;
            scale = 1;
        } else if (argument == "--rounds" && i + 1 < argc) {
            rounds = static_cast<unsigned>(std::stoul(argv[++i]));
        } else if (argument == "--only" && i + 1 < argc) {
            only = argv[++i];
        } else if (argument == "--delay" && i + 1 < argc) {
            delay = std::chrono::microseconds(std::stoul(argv[++i]));
        } else if (argument == "--root" && i + 1 < argc) {
            given_root = argv[++i];
        } else {
            fmt::print(stderr, "usage: tftp-compare [--rounds N] [--short] [--only TEXT] "
                               "[--delay MICROSECONDS] [--root DIR]\n");
            return 2;
        }
    }
    enter_own_network();
    const Network network(delay);
    if (network.is_wire())
        scale = 1; // one block at a time takes as long as the wire
    const TemporaryDirectory scratch;
    std::map<std::string, std::string> files;
    if (given_root)
        for (const auto* name : {"small", "medium", "large"}) {
            std::ifstream file(*given_root + "/" + name, std::ios::binary);
            files[name].assign(std::istreambuf_iterator<char>(file), {});
        }
    else
        for (const auto& [name, size] : std::map<std::string, std::size_t>{
                 {"small", 20'000}, {"medium", 2'000'000}, {"large", scale * 25'000'000}})
            scratch.write("root/" + name, files[name] = noise(size));
    const auto &small = files["small"], &medium = files["medium"], &large = files["large"];
    const View view(scratch, files);
    auto servers = servers_over(scratch, given_root.value_or(scratch / "root"), view, network);
    std::erase_if(servers, [&](const Server& server) {
        LoadOptions options;
        options.address = server.address;
        options.port = 69;
        options.give_up_seconds = 0.5;
        const auto begun = Clock::now();
        while (seconds_since(begun) < 10 && server.process->running())
            if (network.fetch({{"small", &small}}, options)[0].right)
                return false;
        fmt::print("{} does not answer, and is left out\n", server.name);
        return true;
    });

    const std::vector<LoadFetch> one = {{"large", &large}};
    const std::vector<LoadFetch> hundred(100, {"medium", &medium});
    const Scenario scenarios[] = {
        {"one client, blksize 1468, window 1", false,
         [&](const Server& server) { return fetch(network, server, one, 1); },
         [&] { return floor_of(network, 1, large.size()); }},
        {"one client, blksize 1468, window 16", false,
         [&](const Server& server) { return fetch(network, server, one, 16); },
         [&] { return floor_of(network, 16, large.size()); }},
        {"one client, blksize 1468, window 64", false,
         [&](const Server& server) { return fetch(network, server, one, 64); },
         [&] { return floor_of(network, 64, large.size()); }},
        {"100 clients, 2 MB each, window 1",
         false,
         [&](const Server& server) { return fetch(network, server, hundred, 1); },
         {}},
        {"100 clients, 2 MB each, window 16",
         false,
         [&](const Server& server) { return fetch(network, server, hundred, 16); },
         {}},
        {"30 misses, 30 sizes, 30 small files, one after the other",
         true,
         [&](const Server& server) { return boot_sequence(network, server, small); },
         {}},
    };
    for (const auto& scenario : scenarios)
        if (scenario.title.find(only) != std::string::npos)
            compare(scenario, servers, rounds);
    return 0;
}

} // namespace
} // namespace bootview::test

int main(int argc, char** argv) {
    try {
        return bootview::test::compare_all(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "tftp-compare: {}\n", error.what());
        return 1;
    }
}
