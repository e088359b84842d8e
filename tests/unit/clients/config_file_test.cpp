#include "tftp-bridge/clients/config_file.h"

#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

namespace bootview::clients {
namespace {

const std::vector<std::string> options = {"root", "listen", "max-blksize", "timeout", "dhcp-proxy"};

ConfigFile parse(std::string_view text) {
    return parse_config(text, "t.toml", options);
}

std::string error_of(std::string_view text) {
    try {
        parse(text);
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "no error";
}

void expect_error(std::string_view text, const std::string& begin, const std::string& hint = "") {
    const auto error = error_of(text);
    EXPECT_EQ(error.substr(0, begin.size()), begin);
    EXPECT_NE(error.find(hint), std::string::npos) << error;
}

TEST(ConfigFile, OptionsAreThoseOfTheCommandLine) {
    const auto config = parse("root = '/srv/tftp'\n"
                              "listen = ['192.0.2.1', ':6969']\n"
                              "max-blksize = 1024\n"
                              "timeout = 0.5\n"
                              "dhcp-proxy = true\n");
    EXPECT_EQ(config.options, (std::vector<ConfigOption>{{"root", {"/srv/tftp"}, 1},
                                                         {"listen", {"192.0.2.1", ":6969"}, 2},
                                                         {"max-blksize", {"1024"}, 3},
                                                         {"timeout", {"0.5"}, 4},
                                                         {"dhcp-proxy", {"true"}, 5}}));
    EXPECT_TRUE(config.clients.empty());
    EXPECT_TRUE(parse("").options.empty());
}

TEST(ConfigFile, AClientHasAllItsKeys) {
    const auto config = parse(R"([[client]]
name = "kitchen"
serial = "100000009FFEFDEF"
mac = "DC-A6-32-01-36-C2"
uuid = "00112233-4455-6677-8899-aabbccddeeff"
ip = "192.0.2.7"
prefix = "lab1/"
arch = ["x64", 11, "pi"]
root = "jammy/"
boot-file = "EFI/BOOT/BOOTX64.EFI"
ipxe-script = "http://192.0.2.1/boot.ipxe"
http-boot = "http://192.0.2.1/boot.efi"

[[client]]
mac = "dc:a6:32:01:36:c3"
)");
    ASSERT_EQ(config.clients.size(), 2U);
    const auto& client = config.clients[0];
    EXPECT_EQ(client.name, "kitchen");
    EXPECT_EQ(client.line, 1U);
    EXPECT_EQ(client.serial, "9ffefdef");
    EXPECT_EQ(client.mac->to_string(), "dc:a6:32:01:36:c2");
    EXPECT_EQ(client.uuid->at(15), 0xff);
    EXPECT_EQ(client.ip, AddressRange::from_text("192.0.2.7"));
    EXPECT_EQ(client.prefix, "lab1");
    EXPECT_EQ(client.architectures, (std::vector{dhcp::Architecture::x64, dhcp::Architecture::arm64,
                                                 dhcp::Architecture::raspberry_pi}));
    EXPECT_EQ(client.root, "jammy");
    EXPECT_EQ(client.boot_file, "EFI/BOOT/BOOTX64.EFI");
    EXPECT_EQ(client.ipxe_script, "http://192.0.2.1/boot.ipxe");
    EXPECT_EQ(client.http_boot, "http://192.0.2.1/boot.efi");
    EXPECT_EQ(config.clients[1].name, "dc:a6:32:01:36:c3");
}

TEST(ConfigFile, AMistypedKeyIsAnErrorWithItsLineAndTheRightOne) {
    expect_error("root = '/'\n\nmax-blocksize = 5\n",
                 "t.toml:3: there is no option max-blocksize; did you mean max-blksize?");
    expect_error("[[clients]]\nmac = ''\n",
                 "t.toml:1: there is no option clients; did you mean client?");
    expect_error("[[client]]\nmac = 'dc:a6:32:01:36:c2'\nbootfile = 'x'\n",
                 "t.toml:3: [[client]] has no key bootfile; did you mean boot-file?");
    expect_error("[[client]]\nseriel = '9ffefdef'\n", "t.toml:2: ", "did you mean serial?");
}

TEST(ConfigFile, WhatIsNoTomlIsToldWithItsLine) {
    expect_error("root = '/'\nlisten = [", "t.toml:2: ");
    expect_error("root = /srv", "t.toml:1: ");
    expect_error("root = '/'\nroot = '/'", "t.toml:2: ");
}

TEST(ConfigFile, ValuesThatMakeNoSenseAreToldWithAnExample) {
    const std::string client = "[[client]]\n";
    expect_error(client + "mac = 'dc:a6:32'", "t.toml:2: ", "write dc:a6:32:01:36:c2");
    expect_error(client + "mac = 5", "t.toml:2: ", "mac = \"...\"");
    expect_error(client + "serial = '9ffefde'", "t.toml:2: ", "/proc/cpuinfo");
    expect_error(client + "uuid = '1-2'", "t.toml:2: ", "dmidecode");
    expect_error(client + "ip = '192.0.2.0/33'", "t.toml:2: ", "192.0.2.0/24");
    expect_error(client + "arch = 'x86-64'", "t.toml:2: ", "did you mean x64?");
    expect_error(client + "prefix = 'a/b'", "t.toml:2: ", "one name");
    expect_error(client + "root = '../other'", "t.toml:2: ", "absolute path");
    expect_error(client + "root = 'a/../../b'", "t.toml:2: ", "absolute path");
    expect_error(client + "root = '..'", "t.toml:2: ", "absolute path");
    expect_error(client + "root = 'a/..'", "t.toml:2: ", "absolute path");
    expect_error(client + "root = ''", "t.toml:2: ", "leave the line out");
    expect_error(client + "boot-file = '" + std::string(128, 'x') + "'", "t.toml:2: ", "127");
    EXPECT_EQ(error_of(client + "ip = '192.0.2.1'\nboot-file = '" + std::string(127, 'x') + "'"),
              "no error");
    expect_error("root = {a = 1}", "t.toml:1: ", "a text, a number");
    expect_error("client = 5", "t.toml:1: ", "[[client]]");
    expect_error("[client]\nmac = 'dc:a6:32:01:36:c2'", "t.toml:1: ", "[[client]]");
}

TEST(ConfigFile, OneMistakeDoesNotHideTheNext) {
    EXPECT_EQ(error_of("[[client]]\nmac = 'x'\n[[client]]\nserial = 'y'\n"),
              error_of("[[client]]\nmac = 'x'\n") + "\n" +
                  error_of("\n\n[[client]]\nserial = 'y'\n"));
}

TEST(ConfigFile, AClientThatIsNobodyIsAnError) {
    expect_error("\n[[client]]\nroot = 'x'\n", "t.toml:2: ", "which machine");
}

TEST(ConfigFile, TheSameMachineTwiceIsAnErrorThatNamesBoth) {
    expect_error("[[client]]\nserial = '9ffefdef'\n\n[[client]]\nserial = '100000009ffefdef'\n",
                 "t.toml:4: this [[client]] has the serial of the one in line 1");
    for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
             {"mac", "DC:A6:32:01:36:C2"},
             {"uuid", "00112233-4455-6677-8899-aabbccddeeff"},
             {"ip", "192.0.2.7"},
             {"prefix", "lab"}}) {
        const auto client = "[[client]]\n" + key + " = '" + value + "'\n";
        // Also if another one stands between them.
        expect_error(client + "[[client]]\nserial = '9ffefdef'\n" + client,
                     "t.toml:5: this [[client]] has the " + key + " of the one in line 1");
    }
    EXPECT_EQ(error_of("[[client]]\nmac = 'dca6320136c2'\narch = 'x64'\n"
                       "[[client]]\nmac = 'dca6320136c2'\narch = 'bios'\n"),
              "no error");
}

TEST(ConfigFile, AFileThatCannotBeReadIsNamed) {
    const test::TemporaryDirectory directory;
    try {
        load_config(directory / "missing.toml", options);
        FAIL();
    } catch (const ConfigError& error) {
        EXPECT_EQ(std::string(error.what()), directory / "missing.toml" +
                                                 ": No such file or directory; name a file that "
                                                 "can be read with --config");
    }
    EXPECT_THROW(load_config(directory.path().string(), options), ConfigError);
    EXPECT_TRUE(load_config(directory.write("empty.toml", "").string(), options).options.empty());
}

} // namespace
} // namespace bootview::clients
