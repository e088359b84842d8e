// One child process: how it is started, and what it says.
#pragma once

#include "bootview/line_splitter.h"
#include "common/descriptor.h"

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bootview {

struct Command {
    std::vector<std::string> arguments; // [0] is the program: a path, or a name for $PATH
    std::vector<std::pair<std::string, std::string>> environment; // added to ours
    // Listening sockets for it, as systemd hands them over (sd_listen_fds(3)). Not owned.
    std::vector<int> listen_sockets;
    // What it gets from the kernel when bootview itself is killed.
    int parent_death_signal = 0;
};

class Child {
public:
    using TakeLine = std::function<void(std::string_view)>;

    Child() = default;

    // Starts it, in a process group of its own, with both outputs into output(). Throws Failure
    // when the program can't be executed.
    explicit Child(const Command& command);

    pid_t pid() const { return pid_; }
    int output() const { return output_.get(); } // non-blocking

    // Hands on what it has said so far; false at the end of its output.
    bool read_output(const TakeLine& take);
    // It has ended: also hands on a last line without an end.
    void finish_output(const TakeLine& take);
    void send_signal(int signal) const;

private:
    pid_t pid_ = -1;
    Descriptor output_;
    LineSplitter lines_;
};

// "ended with status 1", "was killed by signal 9 (Killed)": `status` as waitpid(2) returns it.
std::string describe_end(int status);

} // namespace bootview
