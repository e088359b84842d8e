#include "server_process.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <iterator>
#include <random>
#include <stdexcept>
#include <utility>

namespace bootview::tftp {
namespace {

// It has closed its output already.
constexpr std::chrono::minutes to_end{1};

struct Pipe {
    Descriptor read_end;
    Descriptor write_end;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::runtime_error("pipe2 failed");
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

test::ChildProcess start(const ServerOptions& options, Descriptor& log_end) {
    std::vector<std::string> command = {TFTP_BRIDGE,    "--root",      options.root, "--listen",
                                        options.listen, "--log-level", "debug"};
    command.insert(command.end(), options.arguments.begin(), options.arguments.end());
    auto pipe = make_pipe();
    log_end = std::move(pipe.read_end);
    return {command, {options.environment, "", pipe.write_end.get()}};
}

} // namespace

ServerProcess::ServerProcess(const ServerOptions& options)
    : process_(start(options, log_end_)), collector_([this] { collect_log(); }) {
    if (!wait_for_log(", serving ")) {
        collector_.join();
        throw std::runtime_error("tftp-bridge did not start: " + log_);
    }
    const auto text = log();
    const auto colon = text.rfind(':', text.find(", serving "));
    port_ = static_cast<std::uint16_t>(std::stoi(text.substr(colon + 1)));
}

ServerProcess::~ServerProcess() {
    process_.signal(SIGKILL);
    if (collector_.joinable())
        collector_.join();
}

bool ServerProcess::wait_for_log(const std::string& text) {
    std::unique_lock lock(mutex_);
    const auto found = [&] { return log_.find(text) != std::string::npos; };
    changed_.wait(lock, [&] { return ended_ || found(); });
    return found();
}

int ServerProcess::stop() {
    process_.signal(SIGTERM);
    collector_.join();
    return process_.wait(to_end);
}

std::string ServerProcess::log() {
    const std::lock_guard lock(mutex_);
    return log_;
}

void ServerProcess::collect_log() {
    std::array<char, 4096> buffer;
    for (ssize_t got; (got = read(log_end_.get(), buffer.data(), buffer.size())) > 0;) {
        const std::lock_guard lock(mutex_);
        log_.append(buffer.data(), static_cast<std::size_t>(got));
        changed_.notify_all();
    }
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
}

Ended run_to_the_end(const std::vector<std::string>& arguments) {
    std::vector<std::string> command = {TFTP_BRIDGE};
    command.insert(command.end(), arguments.begin(), arguments.end());
    auto pipe = make_pipe();
    test::ChildProcess process(command, {{}, "", pipe.write_end.get()});
    pipe.write_end.reset();
    std::string output;
    std::array<char, 4096> buffer;
    for (ssize_t got; (got = read(pipe.read_end.get(), buffer.data(), buffer.size())) > 0;)
        output.append(buffer.data(), static_cast<std::size_t>(got));
    return {process.wait(to_end), output};
}

std::string random_content(std::size_t length, unsigned seed) {
    std::mt19937 random(seed);
    std::string content(length, '\0');
    for (auto& c : content)
        c = static_cast<char>(random());
    return content;
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace bootview::tftp
