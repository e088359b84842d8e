#include "tftp-bridge/tftp/file_name.h"

#include <gtest/gtest.h>

namespace bootview::tftp {
namespace {

TEST(FileName, FirmwareFindsItsFilesHoweverItWritesTheName) {
    EXPECT_EQ(clean_name("kernel8.img"), "kernel8.img");
    EXPECT_EQ(clean_name("/EFI/BOOT/BOOTX64.EFI"), "EFI/BOOT/BOOTX64.EFI");
    EXPECT_EQ(clean_name("\\Boot\\x64\\wdsnbp.com"), "Boot/x64/wdsnbp.com");
    EXPECT_EQ(clean_name("//a///b//c"), "a/b/c");
    EXPECT_EQ(clean_name("grubx64.efi\xff"), "grubx64.efi");
    EXPECT_EQ(clean_name("pxelinux.0\x03\n"), "pxelinux.0");
    EXPECT_EQ(clean_name("pxelinux.0  "), "pxelinux.0");
    EXPECT_EQ(clean_name("./boot/./grub.cfg"), "boot/grub.cfg");
    EXPECT_EQ(clean_name(".\\Boot\\BCD "), "Boot/BCD");
    EXPECT_EQ(clean_name("../.hidden/..x/."), "../.hidden/..x/");
}

TEST(FileName, TheRootsOwnPathMayStandInFrontOfAName) {
    EXPECT_EQ(without_own_path("srv/tftp/pxelinux.0", "/srv/tftp"), "pxelinux.0");
    EXPECT_EQ(without_own_path("srv/tftp/boot/x", "/srv//tftp/"), "boot/x");
    EXPECT_EQ(without_own_path("srv/tftpboot/x", "/srv/tftp"), "srv/tftpboot/x");
    EXPECT_EQ(without_own_path("srv/tftp", "/srv/tftp"), "srv/tftp");
    EXPECT_EQ(without_own_path("srv/tftp/", "/srv/tftp"), "srv/tftp/");
    EXPECT_EQ(without_own_path("boot/x", "/"), "boot/x");
    EXPECT_EQ(without_own_path("srv/tftp/../../etc/passwd", "/srv/tftp"), "../../etc/passwd");
}

TEST(FileName, NamesBeyondAsciiStayWhole) {
    EXPECT_EQ(clean_name("caf\xc3\xa9"), "caf\xc3\xa9");
}

TEST(FileName, NothingIsLeftOfNothing) {
    EXPECT_EQ(clean_name(""), "");
    EXPECT_EQ(clean_name("///"), "");
    EXPECT_EQ(clean_name("/./ "), "");
}

TEST(FileName, NoClientWritesControlSequencesIntoTheLog) {
    EXPECT_EQ(printable("a\n\x1b[2Jb\"\\"), "a\\x0a\\x1b[2Jb\\x22\\x5c");
    EXPECT_EQ(printable("\xff"), "\\xff");
    EXPECT_LE(printable(std::string(2000, 'x')).size(), 203U);
}

} // namespace
} // namespace bootview::tftp
