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
    EXPECT_EQ(import_text({{kind, {{"/etc/" + name + ".conf", text}}}}),
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
        const auto text = import_text({{kind, {{"x.conf", "[export]\n\nnonsense = 5\n"}}}});
        EXPECT_NE(text.find("# x.conf:3: nonsense = 5\n"), std::string::npos) << text;
    }
}

// Of a file x.conf.
std::string imported(ImportKind kind, const std::string& text) {
    return import_text({{kind, {{"x.conf", text}}}});
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
    EXPECT_HAS(text, "#     sudo ln -s /one/x.img /two/x.img\n");
    // Of two with one stem, the one in .img has it (common/images_in.h); whole names always do.
    EXPECT_HAS(text, "# /two/a.raw cannot be called a here, as /two/a.img is;\n");
    EXPECT_HAS_NOT(text, "/two/a\n");
    EXPECT_HAS_NOT(text, "a.img /two");
}

TEST(ConfigImport, WhatIsToBeTypedMeansTheSameInAShell) {
    const auto text = imported(ImportKind::nbd_server, "[x]\nexportname = /s/a'b $(x).img\n"
                                                       "[y]\nexportname = /s/a\\nb.img\n");
    EXPECT_HAS(text, R"(#     sudo ln -s '/s/a'\''b $(x).img' /s/x.img)");
    EXPECT_HAS(text, R"(#     sudo ln -s $'/s/a\012b.img' /s/y.img)");
}

// What nobodd's own tutorial comes to.
TEST(ConfigImport, ServersThatWorkedTogetherBecomeOne) {
    const auto text = import_text(
        {{ImportKind::nobodd,
          {{"nobodd.conf", "[tftp]\nlisten = systemd\nincludedir = /etc/nobodd/conf.d\n"},
           {"noble.conf", "[board:10000000abcd1234]\nimage = /srv/images/ubuntu-24.04.img\n"}}},
         {ImportKind::nbd_server,
          {{"config", "[generic]\nuser = nbd\n"},
           {"nbd.conf", "[ubuntu-noble]\nexportname = /srv/images/ubuntu-24.04.img\n"}}},
         {ImportKind::dnsmasq,
          {{"dnsmasq.conf", "interface=eth0\nbind-interfaces\ndhcp-range=192.168.1.255,proxy\n"
                            "pxe-service=0,\"Raspberry Pi Boot\"\n"}}}});
    EXPECT_HAS(text, "from nobodd.conf noble.conf nbd-server from config nbd.conf dnsmasq from");
    EXPECT_HAS(text, "sudo ln -s /srv/images/ubuntu-24.04.img /srv/images/ubuntu-noble.img\n");
    EXPECT_HAS(text, "dhcp-proxy = true\n");
    EXPECT_HAS(text, "images = \"/srv/images\"\npi-menu = \"Raspberry Pi Boot\"\n");
    EXPECT_HAS(text, "serial = \"10000000abcd1234\"\nroot = \"ubuntu-noble\"\n");
    // PCs were told nothing.
    EXPECT_HAS_NOT(text, "adopt");
    EXPECT_HAS_NOT(text, "boot-file");
}

TEST(ConfigImport, BoardsMayHaveDifferentPartitions) {
    const auto text =
        imported(ImportKind::nobodd, "[board:1]\nimage = /s/x.img\npartition = 6\n"
                                     "[board:2]\nimage = /s/y.img\n"
                                     "[board:3]\nimage = /s/z.img\npartition = two\n");
    EXPECT_HAS(text, "view-options = [\"partition=all\"]\n");
    EXPECT_HAS(text, "root = \"x/p6\"\n");
    EXPECT_HAS(text, "root = \"y/p1\"\n");
    EXPECT_HAS(text, "partition = two\n#     a partition is a number from 1\n");
}

TEST(ConfigImport, KeysOfConfigParserHaveNoCaseAndValuesGoOn) {
    const auto text = imported(ImportKind::nobodd, "; a comment\n[tftp] # what follows is nothing\n"
                                                   "LISTEN=192.0.2.1\n"
                                                   "[board:89025D75]\nImage =\n  /s/x.img\n"
                                                   "  # a comment ends it\n  Partition = 2\n");
    EXPECT_HAS(text, "listen = \"192.0.2.1\"\n");
    EXPECT_HAS(text, "images = \"/s\"\n");
    EXPECT_HAS(text, "partition=2");
    EXPECT_HAS_NOT(text, "nothing here");
    EXPECT_HAS(imported(ImportKind::nobodd, "[board:1]\nimage = /s/x # y.img\n"),
               "root = \"x # y\"\n");
}

TEST(ConfigImport, AKeyFileHasNoCommentsButLines) {
    const auto text = imported(ImportKind::nbd_server, "  # a comment\n; none\n[a]\n"
                                                       "exportname = /s/a\\sb.img\n"
                                                       "ExportName = /s/c.img\nreadonly = 1\n"
                                                       "[a]\nexportname = /s/d\\q.img\n");
    EXPECT_HAS(text, "# x.conf:2: ; none\n#     it is neither KEY = VALUE");
    EXPECT_HAS(text, "'/s/a b.img'");
    EXPECT_HAS(text, "x.conf:5: ExportName = /s/c.img\n#     nothing here is like it");
    EXPECT_HAS(text, "a \\ is written \\\\");
}

TEST(ConfigImport, PathsAreRelativeToTheFileThatSaysThem) {
    const auto here = std::filesystem::current_path().string();
    EXPECT_HAS(
        import_text({{ImportKind::nobodd, {{"etc/x.conf", "[board:1]\nimage = ../srv/x.img\n"}}}}),
        "images = \"" + here + "/srv\"\n");
    EXPECT_HAS(
        import_text({{ImportKind::nbd_server, {{"etc/x.conf", "[x]\nexportname = x.img\n"}}}}),
        "images = \"" + here + "/etc\"\n");
}

// dnsmasq_and_its_import_say_the_same.sh has dnsmasq itself as its judge; these are what it can't
// show there.
TEST(ConfigImport, ALineOfDnsmasqIsReadAsDnsmasqReadsIt) {
    const auto text =
        imported(ImportKind::dnsmasq, "interface = eth0   # the card\r\n"
                                      "pxe-service=tag:!x,0,\"a, \\\"b\\\" # c\",  a#b.0 # d\n"
                                      "dhcp-boot=\"open\n"
                                      "# whole\n  \t# also whole\n");
    EXPECT_HAS(text, "interface = [\"eth0\"]\n");
    EXPECT_HAS(text, "boot-file = [\"bios=a#b.0\"]\n");
    EXPECT_HAS(text, "# x.conf:3: dhcp-boot=\"open\n#     a quotation mark is missing");
    EXPECT_HAS_NOT(text, "whole");
}

TEST(ConfigImport, ATagOfDnsmasqThatIsNotUnderstoodIsNamed) {
    const auto text = imported(ImportKind::dnsmasq, "dhcp-circuitid=set:a,x\n"
                                                    "dhcp-match=set:b,12\n"
                                                    "dhcp-match=set:c,93,7\n"
                                                    "pxe-service=tag:b,0,One,one.0\n"
                                                    "pxe-service=tag:!b,0,Two,two.0\n"
                                                    "dhcp-boot=tag:d,x.0\n");
    EXPECT_HAS(text, "boot-file = [\"bios=two.0\"]\n");
    for (const auto* said :
         {"x.conf:1: dhcp-circuitid=set:a,x\n", "x.conf:2: dhcp-match=set:b,12\n",
          "x.conf:3: dhcp-match=set:c,93,7\n#     no line about booting asks for the tag c",
          "x.conf:4: pxe-service=tag:b,0,One,one.0\n#     no machine gets it",
          "x.conf:6: dhcp-boot=tag:d,x.0\n#     no line sets the tag d"})
        EXPECT_HAS(text, said);
}

TEST(ConfigImport, EachArchitectureMayHaveAScriptOfItsOwn) {
    const auto text = imported(ImportKind::dnsmasq, "dhcp-match=set:i,175\n"
                                                    "dhcp-match=set:e,93,7\n"
                                                    "dhcp-boot=x.0\ndhcp-boot=tag:i,a.ipxe\n"
                                                    "dhcp-boot=tag:i,tag:e,b.ipxe\n");
    EXPECT_HAS(text, "arch = \"x64\"\nipxe-script = \"b.ipxe\"\n");
    EXPECT_HAS(text, "arch = \"bios\"\nipxe-script = \"a.ipxe\"\n");
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
    // All but some endings, and never what an editor has left.
    file("d/5.conf~", "");
    EXPECT_EQ(names(read_sources(ImportKind::dnsmasq, {file("but", "conf-dir=d,.bak\n")})),
              "but 1.conf 2.conf ");
    const auto hosts = file("hosts", "52:54:00:ab:cd:ef,desk\n# none\n");
    const auto sources = read_sources(ImportKind::dnsmasq, {file("by", "dhcp-hostsfile=hosts\n")});
    EXPECT_NE(import_text({{ImportKind::dnsmasq, sources}}).find("name = \"desk\"\n"),
              std::string::npos);
    const auto nobodd = file("nobodd", "[tftp]\nincludedir = d\n");
    EXPECT_EQ(names(read_sources(ImportKind::nobodd, {nobodd, last})),
              "nobodd 1.conf 2.conf last ");
    EXPECT_THROW(read_sources(ImportKind::dnsmasq, {file("lost", "conf-file=nowhere\n")}), Failure);
}

TEST(ConfigImport, ATagOfDnsmasqMayBeOfTheOldForm) {
    const auto text = imported(ImportKind::dnsmasq, "dhcp-match=set:e,option:client-arch,7\n"
                                                    "dhcp-boot=net:e,a.efi\n"
                                                    "dhcp-boot=tag:e,b.efi\n");
    // Of two lines for the same the last counts.
    EXPECT_HAS(text, "boot-file = [\"x64=b.efi\"]\n");
    EXPECT_HAS(text, "# x.conf:2: dhcp-boot=net:e,a.efi\n#     no machine gets it");
}

TEST(ConfigImport, AMachineOfDnsmasqIsTheSameInAnyCaseOfLetters) {
    const auto text = imported(ImportKind::dnsmasq, "tftp-root=/srv/\ntftp-unique-root=mac\n"
                                                    "dhcp-host=52:54:00:AB:CD:EF,one\n"
                                                    "dhcp-host=52:54:00:ab:cd:ef,two\n");
    EXPECT_HAS(text, "mac = \"52:54:00:ab:cd:ef\"\nroot = \"/srv/52-54-00-ab-cd-ef\"\n");
    EXPECT_HAS(text, "a later line counts for 52:54:00:ab:cd:ef");
    EXPECT_HAS_NOT(text, "name = \"one\"");
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
    EXPECT_HAS(text, "boot-file = [\"bios=pxelinux.0\"]\n");
    EXPECT_HAS(imported(ImportKind::dnsmasq, "pxe-service=x86PC,\"One, two\",a\n"
                                             "pxe-service=x86PC,Three,0\n"),
               "pxe-menu = [\"bios,One; two,a.0\", \"bios,Three\"]\n");
}

TEST(ConfigImport, OddBytesAreNoProblem) {
    for (const auto kind : {ImportKind::nobodd, ImportKind::nbd_server, ImportKind::dnsmasq})
        for (const auto* odd :
             {"=", "[", "[]", "[board:]", "[tftp]\nport=", "[generic]\nport=99999999",
              "dhcp-boot=", "dhcp-boot=tag:", "dhcp-host=", "dhcp-host=,,",
              "pxe-service=", "pxe-service=x86PC", "pxe-prompt=", "dhcp-match=set:,", "dhcp-match",
              "dhcp-vendorclass=set:a,PXEClient:Arch:",
              "tftp-root=\ntftp-unique-root\ndhcp-host=52:54:00:12:34:56", "[board:1]\nimage="})
            EXPECT_FALSE(import_text({{kind, {{"x.conf", odd}}}}).empty());
}

} // namespace
} // namespace bootview::config
