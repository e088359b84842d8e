// tftp-bridge, running on a loopback port of its own choice.
#pragma once

#include "common/descriptor.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace bootview::tftp {

// For tests that count packets: on a slow machine too, none is repeated behind their back.
inline const std::vector<std::string> unhurried = {"--timeout", "60"};

struct ServerOptions {
    std::string root;
    std::vector<std::string> arguments; // besides --root, --listen and --log-level
    std::string listen = "127.0.0.1:0";
    std::vector<std::string> environment;
};

class ServerProcess {
public:
    // Returns when it takes requests; throws if it ends instead.
    explicit ServerProcess(const ServerOptions& options);
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;
    ~ServerProcess();

    std::uint16_t port() const { return port_; }
    pid_t pid() const { return process_.pid(); }
    void signal(int number) const { process_.signal(number); }
    // Waits until the log holds `text`. False if the server ends before.
    bool wait_for_log(const std::string& text);
    int stop(); // SIGTERM; its exit status
    std::string log();

private:
    void collect_log();

    Descriptor log_end_; // we read here what it writes to stderr
    test::ChildProcess process_;
    std::mutex mutex_; // guards log_ and ended_
    std::condition_variable changed_;
    std::string log_;
    bool ended_ = false;
    std::uint16_t port_ = 0;
    std::thread collector_; // a full pipe would hold the server up
};

struct Ended {
    int status;
    std::string output;
};

// Runs tftp-bridge with these arguments until it ends by itself.
Ended run_to_the_end(const std::vector<std::string>& arguments);

// Bytes without a pattern that a lost or doubled block would fit into.
std::string random_content(std::size_t length, unsigned seed = 1350);
std::string read_file(const std::filesystem::path& path);

} // namespace bootview::tftp
