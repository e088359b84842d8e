// What a real dnsmasq and ISC DHCP make of these is
// tests/integration/dhcp/snippets_make_a_dhcp_server_do.sh. If these fail, a Kea, or a model of Pi
// that is not tried there, is told the wrong thing.
#include "bootview/dhcp_snippet.h"

#include "bootview/config/import.h"

#include <gtest/gtest.h>

namespace bootview {
namespace {

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t result = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++result;
    return result;
}

TEST(DhcpSnippet, KeaTellsEachArchitectureItsProgramAndWhereItIs) {
    const auto text = dhcp_snippet({DhcpServerKind::kea, "192.0.2.1"});
    EXPECT_EQ(count(text, "\"next-server\": \"192.0.2.1\""), 4U) << text;
    EXPECT_EQ(count(text, "\"server-hostname\": \"192.0.2.1\""), 3U) << text;
    EXPECT_EQ(count(text, "not member('bootview-pi') and ("), 3U) << text;
    for (const auto* part :
         {"(option[93].hex == 0x0000)", "(option[93].hex == 0x0007 or option[93].hex == 0x0009)",
          "(option[93].hex == 0x000b)", "\"boot-file-name\": \"pxelinux.0\"",
          "\"boot-file-name\": \"EFI/BOOT/BOOTX64.EFI\"",
          "\"boot-file-name\": \"EFI/BOOT/BOOTAA64.EFI\""})
        EXPECT_EQ(count(text, part), 1U) << part << " in " << text;
}

// Nobody loses a machine on the way there and back.
TEST(DhcpSnippet, WhatDnsmasqGotComesBackFromIt) {
    for (const DhcpSnippetRequest& request :
         {DhcpSnippetRequest{DhcpServerKind::dnsmasq, "192.0.2.1"},
          {DhcpServerKind::dnsmasq, "192.0.2.1", "a.0", "b/c.efi", "d@e+f.efi"}}) {
        const auto text = config::import_text(
            {{config::ImportKind::dnsmasq, {{"x.conf", dhcp_snippet(request), "/", {}}}}});
        EXPECT_EQ(count(text, "\nboot-file = [\"bios=" + request.bios + "\", \"x64=" + request.x64 +
                                  "\", \"ebc=" + request.x64 + "\", \"arm64=" + request.arm64 +
                                  "\"]\n"),
                  1U)
            << text;
        EXPECT_EQ(count(text, "\npi-menu = \"Raspberry Pi Boot   \"\n"), 1U) << text;
        EXPECT_EQ(count(text, "x.conf:"), 0U) << "no line is lost: " << text;
    }
}

TEST(DhcpSnippet, EveryMakerOfRaspberryPisIsInIt) {
    for (const auto kind : {DhcpServerKind::dnsmasq, DhcpServerKind::openwrt, DhcpServerKind::isc})
        for (const auto* prefix :
             {"28:cd:c1", "2c:cf:67", "88:a2:9e", "b8:27:eb", "d8:3a:dd", "dc:a6:32", "e4:5f:01"})
            EXPECT_EQ(count(dhcp_snippet({kind, "192.0.2.1"}), prefix), 1U) << prefix;
}

TEST(DhcpSnippet, AFileNameNeedsNoQuotesInAnyConfiguration) {
    EXPECT_TRUE(is_plain_file_name("EFI/BOOT/BOOTX64.EFI"));
    EXPECT_TRUE(is_plain_file_name(std::string(127, 'x')));
    EXPECT_FALSE(is_plain_file_name(std::string(128, 'x')));
    for (const auto* name : {"", "a b", "a'b", "a\"b", "a;b", "a,b", "a$b", "a\\b"})
        EXPECT_FALSE(is_plain_file_name(name)) << name;
}

} // namespace
} // namespace bootview
