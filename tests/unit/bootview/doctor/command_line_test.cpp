// If these fail, the doctor tells people to change a command line that works, or not to change one
// that does not.
#include "bootview/doctor/command_line.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace bootview::doctor {
namespace {

struct Form {
    const char* line;
    const char* host;
    std::uint16_t port;
    const char* name;
};

// The forms of tests/integration/initramfs/nbdroot_forms.sh, which clients understand.
TEST(CommandLine, KnowsEachFormThatClientsKnow) {
    for (const Form& form : {
             Form{"nbdroot=192.0.2.1,boot,nbd0", "192.0.2.1", 10809, "boot"},
             Form{"nbdroot=192.0.2.1,boot", "192.0.2.1", 10809, "boot"},
             Form{"nbdroot=192.0.2.1,10810", "192.0.2.1", 10810, ""},
             Form{"nbdroot=192.0.2.1,10810,nbd1", "192.0.2.1", 10810, ""},
             Form{"nbdroot=192.0.2.1:10810/boot", "192.0.2.1", 10810, "boot"},
             Form{"nbdroot=192.0.2.1:boot", "192.0.2.1", 10809, "boot"},
             Form{"nbdroot=192.0.2.1:/boot", "192.0.2.1", 10809, "boot"},
             Form{"nbdroot=192.0.2.1/boot", "192.0.2.1", 10809, "boot"},
             Form{"nbdroot=192.0.2.1", "192.0.2.1", 10809, ""},
             Form{"nbdroot=192.0.2.1:10810", "192.0.2.1", 10810, ""},
             Form{"nbdroot=[2001:db8::1]:10810/boot", "2001:db8::1", 10810, "boot"},
             Form{"nbdroot=2001:db8::1/boot", "2001:db8::1", 10809, "boot"},
             Form{"nbdroot=nbd://192.0.2.1:10810/a%20b", "192.0.2.1", 10810, "a b"},
             Form{"nbdroot=nbd://192.0.2.1/boot?x=y", "192.0.2.1", 10809, "boot"},
             Form{"nbdroot=dhcp", "dhcp", 10809, ""},
             Form{"nbdroot=boot/jammy", "boot", 10809, "jammy"},
             Form{"nbdroot=/jammy", "", 10809, "jammy"},
             Form{"netroot=nbd:192.0.2.1:10810", "192.0.2.1", 10810, ""},
             Form{"root=nbd:192.0.2.1:jammy:ext4", "192.0.2.1", 10809, "jammy"},
             Form{"nbdroot=192.0.2.9/x nbdroot=192.0.2.1/boot", "192.0.2.1", 10809, "boot"},
         }) {
        const CommandLine line = parse_command_line(form.line);
        ASSERT_TRUE(line.nbd_root) << form.line;
        EXPECT_EQ(line.nbd_error, "") << form.line;
        EXPECT_EQ(line.nbd_root->host, form.host) << form.line;
        EXPECT_EQ(line.nbd_root->port, form.port) << form.line;
        EXPECT_EQ(line.nbd_root->name, form.name) << form.line;
    }
}

TEST(CommandLine, SaysWhatNoClientUnderstands) {
    for (const char* text : {"nbdroot=server.example/boot", "nbdroot=192.0.2.1:99999/boot",
                             "nbdroot=192.0.2.1,a,nbd0,b", "nbdroot=nbds://192.0.2.1/boot",
                             "nbdroot=[2001:db8::1/boot", "nbdroot=192.0.2.1,0"})
        EXPECT_NE(parse_command_line(text).nbd_error, "") << text;
}

TEST(CommandLine, FindsRootAndNetwork) {
    const CommandLine line =
        parse_command_line("quiet ip=dhcp nbdroot=192.0.2.1/boot root=/dev/nbd0p2 rw\n");
    EXPECT_EQ(line.root, "/dev/nbd0p2");
    EXPECT_TRUE(line.has_ip);
    EXPECT_EQ(line.nbd_root->word, "nbdroot=192.0.2.1/boot");
    const CommandLine local = parse_command_line("root=PARTUUID=1-02 rootwait");
    EXPECT_FALSE(local.nbd_root);
    EXPECT_FALSE(local.has_ip);
    EXPECT_FALSE(parse_command_line("").nbd_root);
}

// The table of what initramfs-hooks/nbdroot.sh makes of each form. What only the client knows, as
// what DHCP said and where the boot loader came from, is left out.
TEST(CommandLine, JudgesEachFormAsTheClientDoes) {
    std::ifstream table(NBDROOT_FORMS);
    ASSERT_TRUE(table) << NBDROOT_FORMS;
    unsigned compared = 0;
    for (std::string text; std::getline(table, text);) {
        const auto first = text.find(" |");
        const auto second = text.find("| ", first + 2);
        if (text.starts_with('#') || !text.starts_with("nbdroot=") || text[first + 3] != '|' ||
            text.starts_with("nbdroot=/") || text.starts_with("nbdroot=dhcp") ||
            text.find("boot:") != std::string::npos || text.find("nbdserver=") < first ||
            text.find("nbddev=") < first)
            continue;
        const std::string words = text.substr(0, first);
        const CommandLine line = parse_command_line(words);
        ASSERT_TRUE(line.nbd_root) << words;
        std::istringstream expected(text.substr(second + 2));
        std::string host;
        std::string port;
        std::string name;
        expected >> host >> port;
        std::getline(expected >> std::ws, name);
        name.resize(name.rfind(' ') == std::string::npos ? 0 : name.rfind(' ')); // the device
        ++compared;
        if (host == "!") {
            EXPECT_NE(line.nbd_error, "") << words;
            continue;
        }
        EXPECT_EQ(line.nbd_error, "") << words;
        EXPECT_EQ(line.nbd_root->host, host) << words;
        EXPECT_EQ(std::to_string(line.nbd_root->port), port) << words;
        EXPECT_EQ(line.nbd_root->name, name == "-" ? "" : name) << words;
    }
    EXPECT_GT(compared, 70U);
}

} // namespace
} // namespace bootview::doctor
