#include "bootview/doctor/client_play.h"
#include "bootview/doctor/from_preflight.h"
#include "bootview/doctor/machine.h"
#include "bootview/doctor/ports.h"
#include "bootview/doctor/raspberry_pi.h"
#include "bootview/doctor/root_modules.h"
#include "bootview/run_command.h"

#include <gtest/gtest.h>

namespace bootview::doctor {
namespace {

TEST(Machine, KnowsTheVersionOfNbdkit) {
    EXPECT_EQ(parse_nbdkit_version("nbdkit 1.32.5 (nbdkit-1.32.5-1)\n"), std::pair(1U, 32U));
    EXPECT_EQ(parse_nbdkit_version("nbdkit 1"), std::nullopt);
    EXPECT_EQ(parse_nbdkit_version(""), std::nullopt);
}

TEST(Machine, ReadsFuseConf) {
    EXPECT_TRUE(fuse_conf_allows_other("# x\n user_allow_other # yes\n"));
    EXPECT_FALSE(fuse_conf_allows_other("#user_allow_other\nmount_max = 1000\n"));
    EXPECT_FALSE(fuse_conf_allows_other(""));
}

TEST(Machine, ForgivesClocksAnHour) {
    const auto now = std::chrono::system_clock::now();
    Findings findings;
    check_clock(now, now + std::chrono::minutes(59), "x", findings);
    EXPECT_TRUE(findings.all().empty());
    check_clock(now, now + std::chrono::hours(2), "x", findings);
    EXPECT_EQ(findings.all().at(0).id, "clock-implausible");
}

TEST(Ports, KnowTheServiceOfAProcess) {
    EXPECT_EQ(service_of_cgroup("0::/system.slice/dnsmasq.service\n"), "dnsmasq.service");
    EXPECT_EQ(service_of_cgroup("0::/user.slice/user-0.slice/session-2.scope\n"), "");
}

TEST(Findings, OfServesOwnChecksAreTakenApart) {
    const Failed failed = split_failure("/dev/fuse: no: such device; load it with \"modprobe\"");
    EXPECT_EQ(failed.thing, "/dev/fuse");
    EXPECT_EQ(failed.what, "no: such device");
    EXPECT_EQ(split_failure("nothing").what, "nothing");
}

TEST(Findings, ComeWorstFirstInBothForms) {
    Findings findings;
    findings.fine("b", "thing", "fine");
    findings.warn("c", "thing\x1b", "doubtful", "mend it");
    findings.fail("a", "thing", "broken", "mend \"it\"");
    findings.sort();
    EXPECT_EQ(as_text(findings), "FAIL thing: broken [a]\n"
                                 "     fix: mend \"it\"\n"
                                 "WARN thing?: doubtful [c]\n"
                                 "     fix: mend it\n"
                                 "ok   thing: fine [b]\n"
                                 "1 failure, 1 warning\n");
    EXPECT_TRUE(as_json(findings).find(R"("fix": "mend \"it\"")") != std::string::npos);
}

TEST(Words, AreQuotedForShellAndSed) {
    EXPECT_EQ(shell_word("/srv/a.img"), "/srv/a.img");
    EXPECT_EQ(shell_word("it's"), R"('it'\''s')");
    EXPECT_EQ(shell_word("-x"), "'-x'");
    EXPECT_EQ(shell_word("$(x) a"), "'$(x) a'");
    EXPECT_EQ(shell_word("a\n1'\\"), R"($'a\0121\'\\')");
    EXPECT_EQ(shell_word(""), "''");
    EXPECT_EQ(sed_pattern("a.b/c"), R"(a\.b\/c)");
    EXPECT_EQ(sed_replacement("a&/"), R"(a\&\/)");
}

TEST(RootModules, AreReadFromDebugfs) {
    EXPECT_EQ(names_in_listing("/2/040755/0/0/.//\n/2/040755/0/0/..//\n/12/040755/0/0/6.1.0//\n\n"),
              std::set<std::string>{"6.1.0"});
}

TEST(RaspberryPi, ReadsOneLine) {
    EXPECT_FALSE(has_more_than_one_line("console=tty1\n\n"));
    EXPECT_TRUE(has_more_than_one_line("console=tty1\nroot=/dev/nbd0p2\n"));
}

TEST(Client, IsNamedInEachWay) {
    EXPECT_EQ(parse_client("1000000089025D75")->serial, "89025d75");
    EXPECT_TRUE(parse_client("89025d75")->is_pi());
    EXPECT_TRUE(parse_client("dc:a6:32:01:36:c2")->is_pi());
    EXPECT_FALSE(parse_client("52:54:00:12:34:56")->is_pi());
    EXPECT_TRUE(parse_client("192.0.2.7")->address);
    EXPECT_FALSE(parse_client("nonsense"));
}

TEST(Command, ThatHangsIsEnded) {
    EXPECT_EQ(run_command({"sleep", "1000"}, std::chrono::milliseconds(50)).status, -1);
    EXPECT_EQ(run_command({"sh", "-c", "echo out; echo err >&2; exit 3"}).status, 3);
    EXPECT_EQ(run_command({"sh", "-c", "echo out; echo err >&2"}).output, "out\n");
    EXPECT_EQ(run_command({"no-such-program"}).status, -1);
}

} // namespace
} // namespace bootview::doctor
