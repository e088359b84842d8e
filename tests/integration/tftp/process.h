// A child process, ended by its identifier at the latest when its object goes away.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace bootview::tftp {

class Process {
public:
    // `output`: a descriptor for the child's stdout and stderr, or -1 to throw both away.
    // `environment`: "NAME=VALUE", in addition to ours.
    Process(const std::vector<std::string>& command, int output,
            const std::vector<std::string>& environment = {});
    Process(Process&& other) noexcept;
    Process& operator=(Process&&) = delete;
    ~Process();

    void signal(int number) const;
    int wait(); // its exit status; 128 + N if signal N ended it
    pid_t pid() const { return pid_; }

private:
    pid_t pid_ = -1;
    int status_ = 0;
};

bool have_program(const std::string& name);
int run(const std::vector<std::string>& command);

} // namespace bootview::tftp

// In a test: skips it where a client program is not installed.
#define REQUIRE_PROGRAM(name)                                                                      \
    if (!bootview::tftp::have_program(name))                                                       \
    GTEST_SKIP() << "the program " name " is not installed"
