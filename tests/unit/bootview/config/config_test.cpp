#include "bootview/config/config.h"

#include "bootview/config/bridge_file.h"
#include "bootview/config/units.h"
#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

#include <fstream>

namespace bootview::config {
namespace {

// The problems of a file "t.toml", a line each.
std::string problems_of(std::string_view text) {
    Config config;
    Problems problems;
    add_text(config, text, "t.toml", problems);
    std::string all;
    for (const auto& problem : problems)
        all += problem + "\n";
    return all;
}

TEST(Config, AMistypedKeyIsToldWithItsLineAndTheOneThatWasMeant) {
    EXPECT_EQ(problems_of("\nlissten = '127.0.0.1'\nimagse = '/x'\n"),
              "t.toml:2: there is no key lissten; did you mean listen?\n"
              "t.toml:3: there is no key imagse; did you mean images?\n");
    EXPECT_EQ(problems_of("root = '/srv/tftp'"),
              "t.toml:1: there is no key root; what TFTP serves lies in the images; name them with "
              "images = \"...\"\n");
    EXPECT_EQ(problems_of("a = ["), "t.toml:1: Error while parsing array: encountered end-of-file; "
                                    "see bootview.toml(5)\n");
}

TEST(Config, AValueOfAnotherKindIsToldWithWhatIsWanted) {
    EXPECT_EQ(problems_of("nbd-port = '10809'\ndhcp-proxy = 'yes'\nview-options = true\n"
                          "mount = 5\ntimeout = 'x'\n"),
              "t.toml:1: nbd-port is a whole number; write nbd-port = 1024, without quotes\n"
              "t.toml:2: dhcp-proxy is true or false; write dhcp-proxy = true, without quotes\n"
              "t.toml:3: view-options is a text or a list of texts; write view-options = [\"...\", "
              "\"...\"]\n"
              "t.toml:4: mount is a text; write mount = \"...\"\n"
              "t.toml:5: timeout is a number; write timeout = 1.5, without quotes\n");
    EXPECT_EQ(problems_of("tftp-port = 70000\nlisten = 'localhost'\nlog-level = 'loud'\n"
                          "images = 'jammy.img'\n"),
              "t.toml:1: 70000 is no port; write a number up to 65535\n"
              "t.toml:2: \"localhost\" is no IPv4 or IPv6 address in numbers; write one, as in "
              "listen = \"192.0.2.1\"\n"
              "t.toml:3: \"loud\" is none of error, warning, info, debug; write one of them\n"
              "t.toml:4: \"jammy.img\" may be anywhere; write the whole path, with a / in front\n");
    EXPECT_EQ(problems_of("[client]\nmac = 'x'\n"),
              "t.toml:1: a client begins with a line [[client]], in two brackets\n");
}

TEST(Config, LaterFilesReplaceKeysAndAddClients) {
    const test::TemporaryDirectory tree;
    const auto write = [&](const std::string& name, const std::string& text) {
        std::ofstream(tree.path() / name) << text;
    };
    std::filesystem::create_directory(tree.path() / "conf.d");
    write("bootview.toml", "images = '/a'\nnbd-port = 1\n[[client]]\nserial = '89025d75'\n");
    write("conf.d/20-b.toml", "images = '/c'\n[[client]]\nmac = '52:54:00:12:34:56'\n");
    write("conf.d/10-a.toml", "images = '/b'\ntftp-port = 2\n");
    write("conf.d/30-no.conf", "images = '/d'\n");
    write("conf.d/.40-hidden.toml", "images = '/e'\n");
    Problems problems;
    const auto config = load(tree.path() / "bootview.toml", problems);
    EXPECT_TRUE(problems.empty());
    EXPECT_EQ(config.text("images"), "/c");
    EXPECT_EQ(config.text("nbd-port"), "1");
    EXPECT_EQ(config.text("tftp-port"), "2");
    ASSERT_EQ(config.clients.size(), 2U);
    EXPECT_EQ(config.clients[0].name(), "89025d75");
    EXPECT_EQ(config.clients[1].place(), (tree.path() / "conf.d/20-b.toml").string() + ":2");
}

TEST(Config, TftpBridgeGetsItsPartWithThePlacesOfTheLines) {
    Config config;
    config.file = "b.toml";
    Problems problems;
    add_text(config,
             "images = '/a'\ndhcp-proxy = true\ninterface = [\n 'eth0',\n 'eth1' ]\n"
             "pi-menu = \"a\\\"b\\nc\"\n\n[[client]]\nserial = '89025d75'\narch = ['pi']\n",
             "b.toml", problems);
    EXPECT_TRUE(problems.empty());
    const std::string own = "#: b.toml:3\ninterface = [ \"eth0\", \"eth1\" ]\n"
                            "#: b.toml:6\npi-menu = \"a\\\"b\\nc\"\n"
                            "\n#: b.toml:8\n[[client]]\n"
                            "#: b.toml:10\narch = [ \"pi\" ]\n#: b.toml:9\nserial = \"89025d75\"\n";
    EXPECT_EQ(bridge_text(config), "# Written by bootview; changes are lost.\n" + own);
    EXPECT_EQ(whole_bridge_text(config, "/run/b"),
              "# Written by bootview from b.toml; changes are lost.\nroot = \"/run/b\"\n"
              "#: b.toml:2\ndhcp-proxy = true\nadopt = false\n" +
                  own);
}

TEST(Config, UnitsGetTheImagesAndHearOfKeysThatAreNotTheirs) {
    Config config;
    config.file = "b.toml";
    Problems problems;
    add_text(config,
             "images = '/srv/\"im $ages'\nview-options = ['partition=2', 'settle=0']\n"
             "nbd-port = 5\n",
             "b.toml", problems);
    EXPECT_EQ(unit_environment(config), "# Written by bootview from b.toml; changes are lost.\n"
                                        "NBD_SOURCE=\"dir=/srv/\\\"im \\$ages\"\n"
                                        "VIEW_SOURCE=\"/srv/\\\"im \\$ages\"\n"
                                        "VIEW_OPTIONS=\"ro,partition=2,settle=0\"\n");
    EXPECT_EQ(not_for_units(config),
              Problems{"b.toml:3: nbd-port is for bootview serve; under systemd that is up to "
                       "bootview-nbd.socket: systemctl edit bootview-nbd.socket"});
}

} // namespace
} // namespace bootview::config
