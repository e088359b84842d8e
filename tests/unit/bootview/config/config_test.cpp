#include "bootview/config/config.h"

#include "bootview/config/bridge_file.h"
#include "bootview/config/check.h"
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
    EXPECT_EQ(problems_of("image = '/x'\nsource = '/x'\n"),
              "t.toml:1: there is no key image; did you mean images?\n"
              "t.toml:2: there is no key source; did you mean images?\n");
    EXPECT_EQ(problems_of("no-adopt = true\n"),
              "t.toml:1: there is no key no-adopt; write adopt = false\n");
    EXPECT_EQ(problems_of("[[clients]]\nmac = 'x'\n"),
              "t.toml:1: there is no key clients; did you mean client?\n");
    // In the order of the lines, not of their digits.
    EXPECT_EQ(problems_of("\nadoptt = 1\n\n\n\n\n\n\n\nnotifyy = 1\n"),
              "t.toml:2: there is no key adoptt; did you mean adopt?\n"
              "t.toml:10: there is no key notifyy; did you mean notify?\n");
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
    EXPECT_EQ(problems_of("tftp-port = 65535\nnbd-port = 65536\nmount = 'a'\nnotify = ''\n"),
              "t.toml:2: 65536 is no port; write a number up to 65535\n"
              "t.toml:3: \"a\" may be anywhere; write the whole path, with a / in front\n"
              "t.toml:4: notify is empty; name a path, or leave the line out\n");
    EXPECT_EQ(problems_of("nbd-port = -1\n"),
              "t.toml:1: nbd-port is a whole number; write nbd-port = 1024, without quotes\n");
    EXPECT_EQ(problems_of("[client]\nmac = 'x'\n"),
              "t.toml:1: a client begins with a line [[client]], in two brackets\n");
    EXPECT_EQ(problems_of("[[client]]\nmac = { a = 1 }\n"),
              "t.toml:2: mac of a [[client]] is a text or a list of texts; write mac = \"...\"\n");
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
    write("conf.d/.40-hidden.toml", "images = '/e'\nmount = '/e'\n");
    Problems problems;
    const auto config = load(tree.path() / "bootview.toml", problems);
    EXPECT_TRUE(problems.empty());
    EXPECT_EQ(config.text("images"), "/c");
    EXPECT_EQ(config.text("nbd-port"), "1");
    EXPECT_EQ(config.text("tftp-port"), "2");
    EXPECT_EQ(config.find("mount"), nullptr);
    ASSERT_EQ(config.clients.size(), 2U);
    EXPECT_EQ(config.clients[0].name(), "89025d75");
    EXPECT_EQ(config.clients[1].place(), (tree.path() / "conf.d/20-b.toml").string() + ":2");
}

TEST(Config, EachFileThatIsWrongIsNamed) {
    const test::TemporaryDirectory tree;
    tree.write("a/bootview.toml", "imagse = '/x'\n");
    tree.write("a/conf.d/a.toml", "\nlissten = ''\n");
    Problems problems;
    load(tree / "a/bootview.toml", problems);
    EXPECT_EQ(problems, (Problems{(tree / "a/bootview.toml") +
                                      ":1: there is no key imagse; did you mean images?",
                                  (tree / "a/conf.d/a.toml") +
                                      ":2: there is no key lissten; did you mean listen?"}));
    tree.write("b/bootview.toml", "");
    tree.write("b/conf.d", "a file");
    problems.clear();
    load(tree / "b/bootview.toml", problems);
    EXPECT_EQ(problems, Problems{(tree / "b/conf.d") + ": Not a directory; let this user read it"});
}

TEST(Config, AClientIsCalledByItsNameOrByWhatItIsKnownBy) {
    Config config;
    Problems problems;
    add_text(config, "[[client]]\nserial = 's'\nname = 'n'\n[[client]]\nroot = 'r'\n", "b.toml",
             problems);
    EXPECT_EQ(config.clients.at(0).name(), "n");
    EXPECT_EQ(config.clients.at(1).name(), "b.toml:4");
}

TEST(Config, AnyTextIsReadAsItWasWritten) {
    const std::string odd = "a\\b\"c\nd\x7f";
    Config config;
    Problems problems;
    add_text(config, "images = " + toml_text("/" + odd) + "\n", "b.toml", problems);
    EXPECT_EQ(problems, Problems{});
    EXPECT_EQ(config.text("images"), "/" + odd);
}

TEST(Config, TftpBridgeOfTheUnitsAdoptsWhereThatIsSaid) {
    Config config;
    Problems problems;
    add_text(config, "adopt = true\nlog-level = 'debug'\n", "b.toml", problems);
    const auto text = whole_bridge_text(config, "/r");
    EXPECT_NE(text.find("\nadopt = true\n"), std::string::npos) << text;
    EXPECT_EQ(text.find("adopt = false"), std::string::npos) << text;
    EXPECT_NE(text.find("\nlog-level = \"debug\"\n"), std::string::npos) << text;
}

TEST(Config, ATftpBridgeThatCanNotBeRunIsAProblem) {
    EXPECT_EQ(ask_bridge("/nonexistent/tftp-bridge", "").size(), 1U);
    EXPECT_EQ(ask_bridge("/bin/false", ""),
              Problems{"/bin/false: can't be run to check the configuration; reinstall "
                       "tftp-bridge"});
    EXPECT_EQ(ask_bridge("/bin/true", ""), Problems{});
}

TEST(Config, ARootIsAnImageADirectoryOfItOrAnyDirectory) {
    const test::TemporaryDirectory tree;
    tree.write("images/jammy.img", "x");
    const auto roots = [](const std::string& images, const std::string& root) {
        Config config;
        config.file = "b.toml";
        Problems problems;
        add_text(config,
                 "images = '" + images + "'\n[[client]]\nip = '192.0.2.7'\nroot = '" + root + "'\n",
                 "b.toml", problems);
        check_places(config, problems);
        return problems;
    };
    const auto images = tree / "images";
    EXPECT_EQ(roots(images, "jammy"), Problems{});
    EXPECT_EQ(roots(images, "jammy/boot"), Problems{});
    EXPECT_EQ(roots(images, images), Problems{});
    EXPECT_EQ(roots(images, "jamny/boot"), Problems{"b.toml:4: root jamny/boot: no image in " +
                                                    images + " is called so; did you mean jammy?"});
    EXPECT_EQ(roots(images, images + "/jammy.img"),
              Problems{"b.toml:4: root " + images +
                       "/jammy.img: there is no such directory; make it, or name an image"});
    // Of a single image it is a directory inside, which only its view knows.
    EXPECT_EQ(roots(images + "/jammy.img", "lab"), Problems{});
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
                                        "NBD_WRITERS=\"one\"\n"
                                        "VIEW_SOURCE=\"/srv/\\\"im \\$ages\"\n"
                                        "VIEW_OPTIONS=\"ro,partition=2,settle=0\"\n");
    const test::TemporaryDirectory tree;
    Config of_a_file;
    add_text(of_a_file, "shared = true\nimages = '" + tree.write("a`b.img", "x").string() + "'\n",
             "b.toml", problems);
    const auto text = unit_environment(of_a_file);
    EXPECT_NE(text.find("NBD_SOURCE=\"file=" + (tree / "a\\`b.img") + "\"\n"), std::string::npos)
        << text;
    EXPECT_NE(text.find("NBD_WRITERS=\"any\"\n"), std::string::npos) << text;
    EXPECT_EQ(not_for_units(config),
              Problems{"b.toml:3: nbd-port is for bootview serve; under systemd that is up to "
                       "bootview-nbd.socket: systemctl edit bootview-nbd.socket"});
}

} // namespace
} // namespace bootview::config
