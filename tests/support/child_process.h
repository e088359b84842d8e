// A program started by a test. It ends with its owner, and with the test program however that ends.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <sys/types.h>

namespace bootview::test {

class ChildProcess {
public:
    struct Options {
        std::vector<std::string> environment; // "NAME=value", added to ours
        std::string output;                   // file for stdout and stderr; empty: ours
        int output_descriptor = -1;           // instead of a file
    };

    ChildProcess() = default;
    ChildProcess(const std::vector<std::string>& arguments, const Options& options);
    explicit ChildProcess(const std::vector<std::string>& arguments)
        : ChildProcess(arguments, Options{}) {}
    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&& other) noexcept;
    ~ChildProcess(); // SIGTERM, and SIGKILL if that does not do

    pid_t pid() const { return pid_; }
    bool running();
    void signal(int number) const;
    // Waits for the end; the exit status, or 128 + signal. -1: still running after that time.
    int wait(std::chrono::milliseconds patience);
    // SIGTERM, then wait; SIGKILL after `patience`.
    int stop(std::chrono::milliseconds patience = std::chrono::seconds{5});

private:
    pid_t pid_ = -1;
    int status_ = 0;
};

// Runs a program to its end and gives its exit status; its output goes to `output` (both streams).
int run(const std::vector<std::string>& arguments, std::string* output = nullptr,
        const std::vector<std::string>& environment = {});

// Is this program to be had?
bool have_program(const std::string& name);

} // namespace bootview::test

// In a test: skips it where a client program is not installed.
#define REQUIRE_PROGRAM(name)                                                                      \
    if (!bootview::test::have_program(name))                                                       \
    GTEST_SKIP() << "the program " name " is not installed"
