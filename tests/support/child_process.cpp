#include "tests/support/child_process.h"

#include "tests/support/temporary_directory.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bootview::test {

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, const Options& options) {
    // Everything that allocates happens before the fork.
    std::vector<char*> argv;
    for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    std::vector<std::string> environment;
    for (char** entry = environ; *entry != nullptr; ++entry)
        environment.emplace_back(*entry);
    for (const std::string& extra : options.environment) {
        const std::string name = extra.substr(0, extra.find('=') + 1);
        std::erase_if(environment, [&](const std::string& e) { return e.starts_with(name); });
        environment.push_back(extra);
    }
    std::vector<char*> envp;
    for (std::string& entry : environment)
        envp.push_back(entry.data());
    envp.push_back(nullptr);

    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0)
        throw std::runtime_error("fork failed");
    if (pid_ != 0)
        return;
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent)
        ::_exit(127);
    // No terminal: what waits for one, or sets it up from the background, would hang the test.
    ::setsid();
    if (const int null = ::open("/dev/null", O_RDONLY); null >= 0) {
        ::dup2(null, STDIN_FILENO);
        ::close(null);
    }
    if (!options.output.empty()) {
        const int fd = ::open(options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(fd, STDOUT_FILENO);
        ::dup2(fd, STDERR_FILENO);
    }
    if (options.output_descriptor >= 0) {
        ::dup2(options.output_descriptor, STDOUT_FILENO);
        ::dup2(options.output_descriptor, STDERR_FILENO);
    }
    ::execvpe(argv[0], argv.data(), envp.data());
    ::_exit(127);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
    if (this != &other) {
        stop();
        pid_ = std::exchange(other.pid_, -1);
        status_ = other.status_;
    }
    return *this;
}

ChildProcess::~ChildProcess() {
    stop();
}

bool ChildProcess::running() {
    return pid_ > 0 && wait(std::chrono::milliseconds{0}) == -1;
}

void ChildProcess::signal(int number) const {
    if (pid_ > 0)
        ::kill(pid_, number);
}

int ChildProcess::wait(std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (pid_ > 0) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = -1;
            status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            break;
        }
        if (std::chrono::steady_clock::now() >= deadline)
            return -1;
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return status_;
}

int ChildProcess::stop(std::chrono::milliseconds patience) {
    if (pid_ <= 0)
        return status_;
    signal(SIGCONT);
    signal(SIGTERM);
    if (wait(patience) == -1) {
        signal(SIGKILL);
        wait(std::chrono::seconds{10});
    }
    return status_;
}

int run(const std::vector<std::string>& arguments, std::string* output,
        const std::vector<std::string>& environment) {
    const TemporaryDirectory scratch;
    const std::string file = scratch / "output";
    ChildProcess child{arguments, {environment, file}};
    const int status = child.wait(std::chrono::minutes{5});
    std::ifstream stream{file};
    std::stringstream text;
    text << stream.rdbuf();
    if (output != nullptr)
        *output = text.str();
    return status;
}

bool have_program(const std::string& name) {
    return run({"sh", "-c", "command -v \"$1\"", "sh", name}) == 0;
}

} // namespace bootview::test
