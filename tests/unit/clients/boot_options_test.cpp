#include "tftp-bridge/boot_options.h"

#include <gtest/gtest.h>

namespace bootview {
namespace {

using namespace std::chrono_literals;
using dhcp::Architecture;
using dhcp::BootClass;

std::string error_of(const BootOptions& options) {
    try {
        dhcp_settings(options);
        boot_defaults(options);
    } catch (const OptionError& error) {
        return error.what();
    }
    return "no error";
}

void expect_error(const BootOptions& options, std::string_view part) {
    const auto error = error_of(options);
    EXPECT_TRUE(error.starts_with("--")) << error;
    EXPECT_NE(error.find(part), std::string::npos) << error;
}

TEST(BootOptions, WhatIsTypedArrivesInTheSettings) {
    BootOptions options;
    options.boot_file = {"x64=grub=x64.efi", "12=power.elf"};
    options.http_boot = {"arm64=http://192.0.2.1/a?b=c"};
    options.ipxe_script = "s.ipxe";
    options.pxe_menu = {"bios,Debian, the stable,pxelinux.0", "any,Local disk"};
    options.pxe_prompt = "Press F8, please,5";
    options.reply_delay = {"0.5", "pi=2"};
    options.no_67 = true;
    options.pi_menu = "";

    const auto defaults = boot_defaults(options);
    EXPECT_EQ(defaults.boot_file.at(Architecture::x64), "grub=x64.efi");
    EXPECT_EQ(defaults.boot_file.at(static_cast<Architecture>(12)), "power.elf");
    EXPECT_EQ(defaults.http_boot.at(Architecture::arm64), "http://192.0.2.1/a?b=c");
    EXPECT_EQ(defaults.ipxe_script, "s.ipxe");

    const auto settings = dhcp_settings(options);
    EXPECT_FALSE(settings.port_67);
    EXPECT_EQ(settings.answers.pi_menu, "");
    ASSERT_EQ(settings.answers.menu.size(), 2U);
    EXPECT_EQ(settings.answers.menu[0].architecture, Architecture::bios);
    EXPECT_EQ(settings.answers.menu[0].text, "Debian");
    EXPECT_EQ(settings.answers.menu[0].file, " the stable,pxelinux.0");
    EXPECT_EQ(settings.answers.menu[1].architecture, std::nullopt);
    EXPECT_EQ(settings.answers.menu[1].file, "");
    EXPECT_EQ(settings.answers.prompt, (dhcp::PxePrompt{5, "Press F8, please"}));
    EXPECT_EQ(settings.answers.delays[static_cast<std::size_t>(BootClass::bios)], 500ms);
    EXPECT_EQ(settings.answers.delays[static_cast<std::size_t>(BootClass::pi)], 2000ms);
}

TEST(BootOptions, MistakesAreExplained) {
    expect_error({.boot_file = {"x64"}}, "write ARCH=FILE");
    expect_error({.boot_file = {"x64="}}, "write ARCH=FILE");
    expect_error({.boot_file = {"x46=a"}}, "did you mean x64?");
    expect_error({.boot_file = {"x64=a", "7=b"}}, "x64 has one already");
    expect_error({.boot_file = {"x64=" + std::string(128, 'a')}}, "127 bytes");
    expect_error({.http_boot = {"x64"}}, "write ARCH=URL");
    expect_error({.ipxe_script = std::string(128, 'a')}, "127 bytes");
    expect_error({.pi_menu = std::string(201, 'a')}, "200 bytes");
    expect_error({.pxe_menu = {"bios"}}, "write ARCH,TEXT,FILE");
    expect_error({.pxe_menu = {"bois,a,b"}}, "did you mean bios?");
    expect_error({.pxe_menu = std::vector<std::string>(8, "bios," + std::string(30, 'x') + ",f")},
                 "255 bytes");
    expect_error({.pxe_prompt = "a,b"}, "write TEXT,SECONDS");
    expect_error({.pxe_prompt = ",5"}, "1 to 80 bytes");
    for (const auto* delay : {"", "x", "pi=", "-1", "31", "nan", "1s"})
        expect_error({.reply_delay = {delay}}, "0 to 30 seconds");
    expect_error({.reply_delay = {"pie=1"}}, "the classes are");
    EXPECT_EQ(error_of({}), "no error");
}

} // namespace
} // namespace bootview
