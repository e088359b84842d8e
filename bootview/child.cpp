#include "bootview/child.h"

#include "bootview/failure.h"
#include "bootview/pipe.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

namespace bootview {

namespace {

constexpr int first_passed_fd = 3; // SD_LISTEN_FDS_START

Pipe make_pipe() {
    Pipe pipe = open_pipe();
    if (!pipe.read_end)
        throw Failure(fmt::format("can't make a pipe: {}", std::strerror(errno)));
    return pipe;
}

// Everything from here to exec runs in the child.
[[noreturn]] void give_up(int report) {
    const int reason = errno;
    [[maybe_unused]] const auto written = ::write(report, &reason, sizeof reason);
    ::_exit(127);
}

void reset_signals() {
    // SIGPIPE stays ignored: when bootview dies its log pipe breaks, and a part that says one last
    // word about it must still get to unmount.
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGQUIT})
        ::signal(signal, SIG_DFL);
    ::signal(SIGPIPE, SIG_IGN);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Puts the sockets at 3, 4, … . First out of the way, because a target may be another one's source.
void place_sockets(const std::vector<int>& sockets, int report) {
    const int count = static_cast<int>(sockets.size());
    std::vector<int> moved;
    for (const int socket : sockets) {
        moved.push_back(::fcntl(socket, F_DUPFD_CLOEXEC, first_passed_fd + count + 16));
        if (moved.back() < 0)
            give_up(report);
    }
    for (int i = 0; i < count; ++i)
        if (::dup2(moved[static_cast<std::size_t>(i)], first_passed_fd + i) < 0)
            give_up(report);
    if (count > 0) {
        ::setenv("LISTEN_FDS", std::to_string(count).c_str(), 1);
        ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    }
}

[[noreturn]] void become(const Command& command, pid_t parent, int output, int report) {
    // Ends with us even if we are killed with SIGKILL. The parent may have died before the prctl
    // took effect; then nothing would ever arrive.
    if (command.parent_death_signal != 0) {
        ::prctl(PR_SET_PDEATHSIG, command.parent_death_signal);
        if (::getppid() != parent)
            ::_exit(127);
    }
    // A session of its own. A Ctrl-C is for bootview, which stops the parts in their order; and a
    // part that sets up the terminal from the background would be stopped by the kernel (SIGTTOU).
    ::setsid();
    reset_signals();

    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || ::dup2(null, STDIN_FILENO) < 0 || ::dup2(output, STDOUT_FILENO) < 0 ||
        ::dup2(output, STDERR_FILENO) < 0)
        give_up(report);
    // What our own service manager gave us is not for the parts.
    for (const char* name : {"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
                             "WATCHDOG_USEC", "WATCHDOG_PID"})
        ::unsetenv(name);
    for (const auto& [name, value] : command.environment)
        ::setenv(name.c_str(), value.c_str(), 1);
    // The report pipe may lie where a socket has to go.
    const int safe_report = ::fcntl(report, F_DUPFD_CLOEXEC, 64);
    place_sockets(command.listen_sockets, safe_report);

    std::vector<char*> arguments;
    arguments.reserve(command.arguments.size() + 1);
    for (const std::string& argument : command.arguments)
        arguments.push_back(const_cast<char*>(argument.c_str())); // exec doesn't write to them
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    give_up(safe_report);
}

} // namespace

Child::Child(const Command& command) {
    Pipe output = make_pipe();
    Pipe report = make_pipe(); // carries errno if exec fails, and just closes if it works
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0)
        throw Failure(
            fmt::format("can't start {}: {}", command.arguments.at(0), std::strerror(errno)));
    if (pid_ == 0)
        become(command, parent, output.write_end.get(), report.write_end.get());

    output.write_end.reset();
    report.write_end.reset();
    int reason = 0;
    ssize_t got = 0;
    do
        got = ::read(report.read_end.get(), &reason, sizeof reason);
    while (got < 0 && errno == EINTR);
    if (got == static_cast<ssize_t>(sizeof reason)) {
        ::waitpid(pid_, nullptr, 0);
        throw Failure(
            fmt::format("can't start {}: {}", command.arguments.at(0), std::strerror(reason)));
    }
    // Only our end: the part must be able to write without being told to try again.
    ::fcntl(output.read_end.get(), F_SETFL, O_NONBLOCK);
    output_ = std::move(output.read_end);
}

bool Child::read_output(const TakeLine& take) {
    std::array<char, 4096> buffer{};
    while (output_) {
        const ssize_t got = ::read(output_.get(), buffer.data(), buffer.size());
        if (got > 0)
            lines_.feed({buffer.data(), static_cast<std::size_t>(got)}, take);
        else if (got < 0 && errno == EINTR)
            continue;
        else
            return got < 0 && errno == EAGAIN;
    }
    return false;
}

void Child::finish_output(const TakeLine& take) {
    read_output(take);
    lines_.finish(take);
    output_.reset();
}

void Child::send_signal(int signal) const {
    if (pid_ > 0)
        ::kill(pid_, signal);
}

std::string describe_end(int status) {
    if (WIFSIGNALED(status))
        return fmt::format("was killed by signal {} ({})", WTERMSIG(status),
                           ::strsignal(WTERMSIG(status))); // NOLINT(concurrency-mt-unsafe)
    return fmt::format("ended with status {}", WEXITSTATUS(status));
}

} // namespace bootview
