// The supervisor with small scripts for its parts. Each keeps a diary: what happened in which
// order.
#include "bootview/supervisor.h"

#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>
#include <vector>

namespace bootview {
namespace {

// Sends READY=1 and then does `then`. Python, because a shell can't send a datagram.
std::string ready_and(const std::string& then) {
    return "python3 -c 'import os,socket; s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); "
           "s.sendto(b\"READY=1\", \"\\0\"+os.environ[\"NOTIFY_SOCKET\"][1:])'\n" +
           then;
}

class SupervisorTest : public ::testing::Test {
protected:
    Part part(const std::string& name, const std::string& body) {
        Part result{name,
                    name,
                    {{scratch_.script(name, body)}, {{"DIARY", scratch_ / "diary"}}, {}, SIGKILL}};
        result.start_timeout = std::chrono::seconds(20);
        result.stop_timeout = std::chrono::seconds(20);
        return result;
    }
    // Runs until SIGTERM, and in its diary tells of it.
    Part good_part(const std::string& name) {
        return part(name, "trap 'echo " + name + " stops >>$DIARY; exit 0' TERM\n" + "echo " +
                              name + " starts >>$DIARY\n" +
                              ready_and("while :; do sleep 0.05; done"));
    }
    void note(const std::string& text) const {
        std::ofstream(scratch_ / "diary", std::ios::app) << text << '\n';
    }
    std::string diary() const { return scratch_.read("diary"); }

    test::TemporaryDirectory scratch_;
};

TEST_F(SupervisorTest, StartsInOrderAndStopsInReverse) {
    Supervisor supervisor({good_part("a"), good_part("b"), good_part("c")}, [&] {
        note("ready");
        ::kill(::getpid(), SIGTERM);
    });
    EXPECT_TRUE(supervisor.run());
    EXPECT_EQ(diary(), "a starts\nb starts\nc starts\nready\nc stops\nb stops\na stops\n");
}

TEST_F(SupervisorTest, APartThatCannotStartEndsEverything) {
    bool ready = false;
    Supervisor supervisor(
        {good_part("a"), part("b", "echo b: no such image; exit 1"), good_part("c")},
        [&] { ready = true; });
    EXPECT_FALSE(supervisor.run());
    EXPECT_FALSE(ready);
    EXPECT_EQ(diary(), "a starts\na stops\n");
}

TEST_F(SupervisorTest, AMissingProgramEndsEverything) {
    Part missing = part("b", "");
    missing.command.arguments = {"/no/such/program"};
    Supervisor supervisor({good_part("a"), missing}, [] {});
    EXPECT_FALSE(supervisor.run());
    EXPECT_EQ(diary(), "a starts\na stops\n");
}

TEST_F(SupervisorTest, APartThatNeverGetsReadyEndsEverything) {
    Part silent = part("a", "sleep 60");
    silent.start_timeout = std::chrono::milliseconds(200);
    Supervisor supervisor({silent}, [] {});
    EXPECT_FALSE(supervisor.run());
}

TEST_F(SupervisorTest, APartThatDiesComesBackAndTheOthersStay) {
    // b dies at its first start as soon as all are ready, and asks to stop at its second.
    Part b =
        part("b", "echo b starts >>$DIARY\n" +
                      ready_and("if mkdir ${DIARY}.once 2>/dev/null; then\n"
                                "  while [ ! -e ${DIARY}.ready ]; do sleep 0.02; done; kill -9 $$\n"
                                "fi\n"
                                "trap 'exit 0' TERM\nkill -TERM $PPID\n"
                                "while :; do sleep 0.05; done"));
    bool cleaned = false;
    b.before_start = [&, first = true]() mutable {
        cleaned = cleaned || !first;
        first = false;
    };
    Supervisor supervisor({good_part("a"), b, good_part("c")},
                          [&] { scratch_.write("diary.ready", ""); });
    EXPECT_TRUE(supervisor.run());
    EXPECT_TRUE(cleaned);
    EXPECT_EQ(diary(), "a starts\nb starts\nc starts\nb starts\nc stops\na stops\n");
}

TEST_F(SupervisorTest, APartThatIgnoresSigtermIsKilled) {
    Part stubborn = part("a", "trap '' TERM\n" + ready_and("while :; do sleep 0.05; done"));
    stubborn.stop_timeout = std::chrono::milliseconds(200);
    Supervisor supervisor({stubborn}, [] { ::kill(::getpid(), SIGINT); });
    EXPECT_TRUE(supervisor.run());
}

TEST_F(SupervisorTest, ASignalDuringStartUpStopsWhatRuns) {
    bool ready = false;
    Supervisor supervisor({good_part("a"), part("b", "kill -TERM $PPID; sleep 60")},
                          [&] { ready = true; });
    EXPECT_TRUE(supervisor.run());
    EXPECT_FALSE(ready);
    EXPECT_EQ(diary(), "a starts\na stops\n");
}

} // namespace
} // namespace bootview
