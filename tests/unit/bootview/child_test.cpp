#include "bootview/child.h"

#include "bootview/failure.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <csignal>
#include <string>
#include <vector>

namespace bootview {
namespace {

struct Outcome {
    int status = 0;
    std::vector<std::string> lines;
};

Outcome run(const Command& command) {
    Outcome outcome;
    Child child(command);
    const auto take = [&](std::string_view line) { outcome.lines.emplace_back(line); };
    pollfd wait{child.output(), POLLIN, 0};
    while (::poll(&wait, 1, 10'000) > 0 && child.read_output(take)) {
    }
    ::waitpid(child.pid(), &outcome.status, 0);
    child.finish_output(take);
    return outcome;
}

TEST(Child, BothOfItsOutputsArriveAsLines) {
    const auto outcome = run({{"bash", "-c", "echo one; echo two >&2; printf three"}, {}, {}, 0});
    EXPECT_EQ(outcome.lines, (std::vector<std::string>{"one", "two", "three"}));
    EXPECT_EQ(describe_end(outcome.status), "ended with status 0");
}

TEST(Child, AMissingProgramIsNamed) {
    try {
        Child child(Command{{"/no/such/program"}, {}, {}, 0});
        FAIL();
    } catch (const Failure& failure) {
        EXPECT_STREQ(failure.what(), "can't start /no/such/program: No such file or directory");
    }
}

TEST(Child, GetsListeningSocketsLikeFromSystemd) {
    const Descriptor a{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const Descriptor b{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    const auto outcome = run({{"bash", "-c",
                               "echo $((LISTEN_PID == $$)) $LISTEN_FDS; readlink /proc/$$/fd/3 "
                               "/proc/$$/fd/4 | cut -c1-7; test -e /proc/$$/fd/5 || echo no more"},
                              {},
                              {a.get(), b.get()},
                              0});
    EXPECT_EQ(outcome.lines, (std::vector<std::string>{"1 2", "socket:", "socket:", "no more"}));
}

TEST(Child, DoesNotTalkToOurOwnServiceManager) {
    ::setenv("NOTIFY_SOCKET", "/run/ours", 1);
    const auto outcome =
        run({{"bash", "-c", "echo ${NOTIFY_SOCKET-none} $X"}, {{"X", "y"}}, {}, 0});
    ::unsetenv("NOTIFY_SOCKET");
    EXPECT_EQ(outcome.lines, std::vector<std::string>{"none y"});
}

TEST(Child, CtrlCIsNotForItAndTheTerminalDoesNotStopIt) {
    const auto outcome =
        run({{"bash", "-c", "test $(ps -o sid= $$) = $$ && echo own session"}, {}, {}, 0});
    EXPECT_EQ(outcome.lines, std::vector<std::string>{"own session"});
}

TEST(Child, ItsEndIsDescribed) {
    EXPECT_EQ(describe_end(run({{"bash", "-c", "exit 3"}, {}, {}, 0}).status),
              "ended with status 3");
    EXPECT_EQ(describe_end(run({{"bash", "-c", "kill -9 $$"}, {}, {}, 0}).status),
              "was killed by signal 9 (Killed)");
}

} // namespace
} // namespace bootview
