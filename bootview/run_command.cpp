#include "bootview/run_command.h"

#include "bootview/paths.h"
#include "bootview/pipe.h"
#include "common/descriptor.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <optional>

extern char** environ; // NOLINT(readability-redundant-declaration): POSIX wants it declared here

namespace bootview {

namespace {

using Clock = std::chrono::steady_clock;

// Memory that can be read as a file: so nobody has to feed a pipe while reading another.
Descriptor as_file(std::span<const std::byte> bytes) {
    Descriptor file{::memfd_create("input", MFD_CLOEXEC)};
    std::size_t done = 0;
    while (file && done < bytes.size()) {
        const ssize_t n = ::write(file.get(), bytes.data() + done, bytes.size() - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return {};
        done += static_cast<std::size_t>(n);
    }
    ::lseek(file.get(), 0, SEEK_SET);
    return file;
}

pid_t start(const std::vector<std::string>& words, int input, int output, int errors) {
    const auto program = words.front().find('/') != std::string::npos
                             ? std::optional(words.front())
                             : find_in_path(words.front(), search_path_of_environment());
    if (!program)
        return -1;
    std::vector<char*> arguments;
    for (const std::string& word : words)
        arguments.push_back(const_cast<char*>(word.c_str())); // NOLINT: as POSIX has it
    arguments.push_back(nullptr);
    // Plain messages, which some are looked through for.
    std::vector<char*> environment;
    for (char** variable = environ; *variable != nullptr; ++variable)
        if (!std::string_view{*variable}.starts_with("LC_ALL="))
            environment.push_back(*variable);
    std::string locale = "LC_ALL=C";
    environment.push_back(locale.data());
    environment.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    if (input >= 0)
        ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    else
        ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
    pid_t pid = -1;
    if (::posix_spawn(&pid, program->c_str(), &actions, nullptr, arguments.data(),
                      environment.data()) != 0)
        pid = -1;
    ::posix_spawn_file_actions_destroy(&actions);
    return pid;
}

int take_all(const std::vector<std::string>& words, int input, const Sink& sink,
             const Sink& error_sink, std::chrono::milliseconds patience) {
    Pipe output = open_pipe();
    Pipe errors = open_pipe();
    if (!output.read_end || !errors.read_end)
        return -1;
    const pid_t pid = start(words, input, output.write_end.get(), errors.write_end.get());
    output.write_end.reset();
    errors.write_end.reset();
    if (pid < 0)
        return -1;
    const auto until = Clock::now() + patience;
    std::array<pollfd, 2> waiting{
        {{output.read_end.get(), POLLIN, 0}, {errors.read_end.get(), POLLIN, 0}}};
    std::vector<std::byte> buffer(std::size_t{1} << 18);
    bool in_time = true;
    while (in_time && (waiting[0].fd >= 0 || waiting[1].fd >= 0)) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
        const int ready = left.count() <= 0
                              ? 0
                              : ::poll(waiting.data(), waiting.size(),
                                       static_cast<int>(std::max<long>(1, left.count())));
        if (ready < 0 && errno == EINTR)
            continue;
        in_time = ready > 0;
        for (std::size_t i = 0; i < waiting.size(); ++i) {
            if (waiting[i].fd < 0 || waiting[i].revents == 0)
                continue;
            const ssize_t n = ::read(waiting[i].fd, buffer.data(), buffer.size());
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                waiting[i].fd = -1; // poll leaves it out
            else
                (i == 0 ? sink : error_sink)(std::span{buffer}.first(static_cast<std::size_t>(n)));
        }
    }
    if (!in_time)
        ::kill(pid, SIGKILL);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return in_time && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void append(std::string& text, std::span<const std::byte> bytes, std::size_t most) {
    const std::size_t take = std::min(bytes.size(), most - std::min(most, text.size()));
    text.append(reinterpret_cast<const char*>(bytes.data()), take);
}

} // namespace

CommandResult run_command(const std::vector<std::string>& words,
                          std::chrono::milliseconds patience) {
    constexpr std::size_t most_output = std::size_t{64} << 20;
    constexpr std::size_t most_errors = 4096;
    CommandResult result;
    result.status = take_all(
        words, -1,
        [&](std::span<const std::byte> bytes) { append(result.output, bytes, most_output); },
        [&](std::span<const std::byte> bytes) { append(result.errors, bytes, most_errors); },
        patience);
    return result;
}

int run_filter(const std::vector<std::string>& words, std::span<const std::byte> input,
               const Sink& sink, std::chrono::milliseconds patience) {
    const Descriptor file = as_file(input);
    if (!file)
        return -1;
    return take_all(
        words, file.get(), sink, [](std::span<const std::byte>) {}, patience);
}

std::string sed_pattern(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (std::string_view{"\\/.*[]^$&"}.find(c) != std::string_view::npos)
            result += '\\';
        result += c;
    }
    return result;
}

std::string sed_replacement(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (std::string_view{"\\/&"}.find(c) != std::string_view::npos)
            result += '\\';
        result += c;
    }
    return result;
}

} // namespace bootview
