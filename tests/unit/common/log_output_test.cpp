// Lines of the log and the many things that standard error can be.
#include "common/log_output.h"

#include "common/descriptor.h"
#include "tests/support/temporary_directory.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <sstream>
#include <string>

namespace bootview {
namespace {

// `fd` is standard error as long as it lives.
class StandardError {
public:
    explicit StandardError(int fd) : before_(::dup(STDERR_FILENO)) { ::dup2(fd, STDERR_FILENO); }
    ~StandardError() { ::dup2(before_.get(), STDERR_FILENO); }
    StandardError(const StandardError&) = delete;
    StandardError& operator=(const StandardError&) = delete;

private:
    Descriptor before_;
};

std::string read_waiting(int fd) {
    std::string result;
    std::array<char, 65536> part;
    for (pollfd ready{fd, POLLIN, 0}; ::poll(&ready, 1, 0) == 1;) {
        const auto got = ::read(fd, part.data(), part.size());
        if (got <= 0)
            break;
        result.append(part.data(), static_cast<std::size_t>(got));
    }
    return result;
}

constexpr int many = 5000; // lines of 100 bytes: more than a pipe, a socket or a terminal holds

void write_many() {
    for (int i = 0; i < many; ++i)
        write_log_line(std::string(90, 'x') + std::to_string(i));
}

// After write_many() to what nobody reads: whole lines, and then the number of those that were
// lost.
void expect_whole_lines_and_a_count(int reader) {
    const auto first = read_waiting(reader);
    std::istringstream lines(first);
    int whole = 0;
    for (std::string line; std::getline(lines, line) && !lines.eof(); ++whole) {
        if (line.ends_with('\r'))
            line.pop_back();
        EXPECT_EQ(line, std::string(90, 'x') + std::to_string(whole));
    }
    EXPECT_GT(whole, 10);
    EXPECT_LT(whole, many);
    write_log_line("there again");
    const auto second = read_waiting(reader);
    EXPECT_NE(second.find("lines of this log were lost"), std::string::npos) << second;
    EXPECT_NE(second.find("there again"), std::string::npos) << second;
}

TEST(LogOutput, APipeThatNobodyReadsStopsNobody) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const Descriptor reader{ends[0]}, writer{ends[1]};
    const StandardError here(writer.get());
    write_many();
    EXPECT_EQ(::fcntl(writer.get(), F_GETFL) & O_NONBLOCK, 0) << "others share this open file";
    expect_whole_lines_and_a_count(reader.get());
}

TEST(LogOutput, ATerminalThatIsStoppedStopsNobody) {
    int main_end = -1, terminal = -1;
    ASSERT_EQ(::openpty(&main_end, &terminal, nullptr, nullptr, nullptr), 0);
    const Descriptor reader{main_end}, writer{terminal};
    const StandardError here(writer.get());
    write_log_line("before");
    EXPECT_EQ(read_waiting(reader.get()), "before\r\n");
    ASSERT_EQ(::tcflow(writer.get(), TCOOFF), 0); // as Ctrl-S does
    write_many();
    ASSERT_EQ(::tcflow(writer.get(), TCOON), 0);
    write_log_line("there again");
    EXPECT_NE(read_waiting(reader.get()).find("lines of this log were lost"), std::string::npos);
}

TEST(LogOutput, AJournalThatHangsStopsNobody) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const Descriptor reader{ends[0]}, writer{ends[1]};
    const StandardError here(writer.get());
    write_many();
    expect_whole_lines_and_a_count(reader.get());
}

TEST(LogOutput, AFileHoldsAllLinesInOneLineEach) {
    const test::TemporaryDirectory directory;
    const auto path = directory.path() / "log";
    const Descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
    {
        const StandardError here(file.get());
        write_log_line("a name with\nan \x1b[2J end");
        write_log_line(std::string(100'000, 'x'));
    }
    std::ifstream log(path);
    std::string line;
    std::getline(log, line);
    EXPECT_EQ(line, "a name with\\x0aan \\x1b[2J end");
    std::getline(log, line);
    EXPECT_LE(line.size(), 4096U);
    EXPECT_FALSE(std::getline(log, line));
}

} // namespace
} // namespace bootview
