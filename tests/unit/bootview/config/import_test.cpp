// Real-looking configurations of other servers beside what they come to, in golden/. After a change
// that is meant: bootview config import KIND KIND.conf, in that directory, is the new golden file.
#include "bootview/config/import.h"

#include "common/read_whole.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace bootview::config {
namespace {

const std::filesystem::path golden = GOLDEN_DIRECTORY;

void expect_golden(ImportKind kind, const std::string& name) {
    const auto text = read_whole(golden / (name + ".conf"));
    ASSERT_FALSE(text.empty());
    EXPECT_EQ(import_text(kind, {{"/etc/" + name + ".conf", text}}),
              read_whole(golden / (name + ".toml")));
    // Nothing in silence: a line is a key, or it is named.
}

TEST(ConfigImport, ABoardOfNoboddBecomesAClient) {
    expect_golden(ImportKind::nobodd, "nobodd");
}

TEST(ConfigImport, AnExportOfNbdServerIsAnImage) {
    expect_golden(ImportKind::nbd_server, "nbd-server");
}

TEST(ConfigImport, WhatDnsmasqSaysOfBootingIsTakenOver) {
    expect_golden(ImportKind::dnsmasq, "dnsmasq");
}

TEST(ConfigImport, ALineThatIsNotKnownIsNamed) {
    for (const auto kind : {ImportKind::nobodd, ImportKind::nbd_server, ImportKind::dnsmasq}) {
        const auto text = import_text(kind, {{"x.conf", "[export]\n\nnonsense = 5\n"}});
        EXPECT_NE(text.find("# x.conf:3: nonsense = 5\n"), std::string::npos) << text;
    }
}

TEST(ConfigImport, OddBytesAreNoProblem) {
    for (const auto kind : {ImportKind::nobodd, ImportKind::nbd_server, ImportKind::dnsmasq})
        for (const auto* odd :
             {"=", "[", "[]", "[board:]", "[tftp]\nport=", "[generic]\nport=99999999",
              "dhcp-boot=", "dhcp-boot=tag:", "dhcp-host=", "dhcp-host=,,",
              "pxe-service=", "pxe-service=x86PC", "pxe-prompt=", "dhcp-match=set:,", "dhcp-match",
              "dhcp-vendorclass=set:a,PXEClient:Arch:",
              "tftp-root=\ntftp-unique-root\ndhcp-host=52:54:00:12:34:56", "[board:1]\nimage="})
            EXPECT_FALSE(import_text(kind, {{"x.conf", odd}}).empty());
}

} // namespace
} // namespace bootview::config
