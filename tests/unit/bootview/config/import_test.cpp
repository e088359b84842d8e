// Real-looking configurations of other servers beside what they come to, in golden/. After a change
// that is meant: bootview config import KIND KIND.conf, in that directory, is the new golden file.
#include "bootview/config/import.h"

#include "bootview/failure.h"
#include "common/read_whole.h"
#include "tests/support/temporary_directory.h"

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

// Of a file x.conf.
std::string imported(ImportKind kind, const std::string& text) {
    return import_text(kind, {{"x.conf", text}});
}
#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)
#define EXPECT_HAS_NOT(text, part) EXPECT_EQ((text).find(part), std::string::npos) << (text)

TEST(ConfigImport, ASerialNumberOfNoboddIsAnyThatPythonReads) {
    const auto text = imported(ImportKind::nobodd, "[board:0X8902_5D75]\nimage = /a=b.img\n");
    EXPECT_HAS(text, "serial = \"89025d75\"\n");
    EXPECT_HAS(text, "root = \"a=b\"\n");
}

TEST(ConfigImport, APartitionOfAllBoardsIsAnOption) {
    const auto text = imported(ImportKind::nobodd, "[board:1]\nimage = /a.img\npartition = 2\n"
                                                   "[board:2]\nimage = /b.img\npartition = 2\n");
    EXPECT_HAS(text, "view-options = [\"partition=2\"]\n");
}

TEST(ConfigImport, WhereNoboddListensIsTakenOver) {
    const auto text = imported(ImportKind::nobodd, "[tftp]\nlisten = 192.0.2.1\nport = tftp\n");
    EXPECT_HAS(text, "listen = \"192.0.2.1\"\n");
    EXPECT_HAS_NOT(text, "port =");
    EXPECT_HAS(imported(ImportKind::nobodd, "[tftp]\nport = 696969\n"), "tftp-port takes a number");
}

TEST(ConfigImport, WhatNbdServerDoesByDefaultIsNotSaid) {
    const auto text = imported(ImportKind::nbd_server,
                               "[generic]\nlistenaddr = 0.0.0.0\nport = 10809\n"
                               "[a]\nexportname = /s/a.img\nflush = 1\nreadonly = false\n");
    EXPECT_EQ(text, "# By bootview config import nbd-server from x.conf.\n\nimages = \"/s\"\n");
    EXPECT_HAS(imported(ImportKind::nbd_server, "[generic]\nallowlist = false\n"),
               "may always list");
    EXPECT_HAS(imported(ImportKind::nbd_server, "port = 1\n"), "before the first section");
}

TEST(ConfigImport, ImagesAreServedFromWhereMostOfThemAre) {
    const auto text = imported(ImportKind::nbd_server, "[x]\nexportname = /one/x.img\n"
                                                       "[a.img]\nexportname = /two/a.img\n"
                                                       "[a]\nexportname = /two/a.raw\n");
    EXPECT_HAS(text, "images = \"/two\"\n");
    EXPECT_HAS(text, "it lies elsewhere: ln -s /one/x.img /two/x.img\n");
    // Of two with one stem, the one in .img has it (common/images_in.h); whole names always do.
    EXPECT_HAS(text, "clients that ask for a are to find it: ln -s a.raw /two/a.raw\n");
    EXPECT_HAS_NOT(text, "a.img are to find it");
}

TEST(ConfigImport, IncludedFilesAreReadOnceWhereTheyAreIncluded) {
    const test::TemporaryDirectory tree;
    const auto file = [&](const std::string& name, const std::string& text) {
        return tree.write(name, text).string();
    };
    const auto names = [](const std::vector<Source>& sources) {
        std::string all;
        for (const auto& source : sources)
            all += std::filesystem::path(source.file).filename().string() + " ";
        return all;
    };
    file("d/2.conf", "");
    file("d/1.conf", "");
    file("d/3.bak", "");
    file("d/.4.conf", "");
    const auto more = file("more", "conf-dir=d,*.conf\n");
    const auto first = file("first", "conf-file=more\n");
    const auto last = file("last", "");
    EXPECT_EQ(names(read_sources(ImportKind::dnsmasq, {first, more, last})),
              "first more 1.conf 2.conf last ");
    const auto nobodd = file("nobodd", "[tftp]\nincludedir = d\n");
    EXPECT_EQ(names(read_sources(ImportKind::nobodd, {nobodd, last})),
              "nobodd 1.conf 2.conf last ");
    EXPECT_THROW(read_sources(ImportKind::dnsmasq, {file("lost", "conf-file=nowhere\n")}), Failure);
}

TEST(ConfigImport, ATagOfDnsmasqMayBeOfTheOldForm) {
    const auto text = imported(ImportKind::dnsmasq, "dhcp-match=set:e,option:client-arch,7\n"
                                                    "dhcp-boot=net:e,a.efi\n"
                                                    "dhcp-boot=tag:e,b.efi\n");
    EXPECT_HAS(text, "boot-file = [\"x64=a.efi\"]\n");
    EXPECT_HAS(text, "# x.conf:3: dhcp-boot=tag:e,b.efi\n#     it is not clear");
}

TEST(ConfigImport, AMachineOfDnsmasqIsTheSameInAnyCaseOfLetters) {
    const auto text = imported(ImportKind::dnsmasq, "tftp-root=/srv/\ntftp-unique-root=mac\n"
                                                    "dhcp-host=52:54:00:AB:CD:EF,one\n"
                                                    "dhcp-host=52:54:00:ab:cd:ef,two\n");
    EXPECT_HAS(text, "mac = \"52:54:00:ab:cd:ef\"\nroot = \"/srv/52-54-00-ab-cd-ef\"\n");
    EXPECT_HAS(text, "52:54:00:ab:cd:ef has a [[client]] already");
    EXPECT_HAS_NOT(text, "name = \"two\"");
}

TEST(ConfigImport, OptionsOfDnsmasqsTftpAreTakenOver) {
    const auto text = imported(ImportKind::dnsmasq, "tftp-root=/srv\ntftp-unique-root\n"
                                                    "tftp-lowercase\ntftp-max=50\n"
                                                    "listen-address=192.0.2.1\n"
                                                    "listen-address=192.0.2.2\n"
                                                    "pxe-service=x86PC,\"Install, now\",pxelinux\n"
                                                    "dhcp-host=52:54:00:12:34:56,192.0.2.7\n");
    EXPECT_HAS(text, "fold-case = true\n");
    EXPECT_HAS(text, "max-transfers = 50\n");
    EXPECT_HAS(text, "listen = \"192.0.2.1\"\n");
    EXPECT_HAS(text, "# x.conf:6: listen-address=192.0.2.2\n");
    EXPECT_HAS(text, "root = \"/srv/192.0.2.7\"\n");
    EXPECT_HAS(text, "a text of the menu has no commas");
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
