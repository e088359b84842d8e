// If these fail, the doctor looks at other files than the boot loader.
#include "bootview/doctor/boot_entries.h"

#include <gtest/gtest.h>

#include <map>

namespace bootview::doctor {
namespace {

using Words = std::vector<std::string>;

TEST(BootEntries, OfPxelinux) {
    const auto entries = pxelinux_entries("pxelinux.cfg/default", R"(
# a comment
DEFAULT menu.c32
APPEND ip=dhcp
LABEL linux
  MENU LABEL Linux
  kernel ::vmlinuz
  append initrd=early.img,/initrd.img nbdroot=192.0.2.1/boot  quiet
LABEL other
  LINUX /other/vmlinuz
  INITRD other/initrd.img
label local
  localboot 0
LABEL menu
  KERNEL vesamenu.c32
LABEL bare
  KERNEL memtest
  APPEND -
LABEL url
  KERNEL http://192.0.2.1/vmlinuz
)");
    ASSERT_EQ(entries.size(), 4U);
    EXPECT_EQ(entries[0].where, "pxelinux.cfg/default, label linux");
    EXPECT_EQ(entries[0].kernel, "vmlinuz");
    EXPECT_EQ(entries[0].initramfs, (Words{"early.img", "initrd.img"}));
    EXPECT_EQ(entries[0].command_line, "nbdroot=192.0.2.1/boot quiet");
    EXPECT_EQ(entries[1].kernel, "other/vmlinuz");
    EXPECT_EQ(entries[1].initramfs, Words{"other/initrd.img"});
    EXPECT_EQ(entries[1].command_line, "ip=dhcp"); // of all that have none
    EXPECT_EQ(entries[2].command_line, "");
    EXPECT_TRUE(entries[3].elsewhere);
    EXPECT_EQ(pxelinux_modules("DEFAULT menu.c32\nUI vesamenu.c32 x\nKERNEL chain.c32\n"),
              (Words{"menu.c32", "vesamenu.c32", "chain.c32"}));
}

TEST(BootEntries, OfGrub) {
    const auto entries = grub_entries("grub/grub.cfg", R"(
set default=0
menuentry 'Debian 12' {
    linux (pxe)/vmlinuz root=/dev/nbd0p2 nbdroot=192.0.2.1/boot
    initrd /early.img /initrd.img
}
menuentry "Local" { exit }
linuxefi $prefix/vmlinuz quiet
)");
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].where, "grub/grub.cfg, Debian 12");
    EXPECT_EQ(entries[0].kernel, "vmlinuz");
    EXPECT_EQ(entries[0].command_line, "root=/dev/nbd0p2 nbdroot=192.0.2.1/boot");
    EXPECT_EQ(entries[0].initramfs, (Words{"early.img", "initrd.img"}));
    EXPECT_TRUE(entries[1].elsewhere);
}

TEST(BootEntries, OfIpxe) {
    const auto entries = ipxe_entries("boot.ipxe", "#!ipxe\nkernel vmlinuz initrd=i ip=dhcp\n"
                                                   "initrd --name i initrd.img\nboot\n");
    ASSERT_EQ(entries.size(), 1U);
    EXPECT_EQ(entries[0].kernel, "vmlinuz");
    EXPECT_EQ(entries[0].initramfs, Words{"initrd.img"});
    EXPECT_EQ(entries[0].command_line, "initrd=i ip=dhcp");
}

class Pi : public testing::Test {
protected:
    PiConfig read(const std::string& config) {
        return pi_entries(
            config, {[this](const std::string& name) { return files_.count(name) > 0; },
                     [this](const std::string& name) {
                         const auto found = files_.find(name);
                         return found == files_.end() ? std::nullopt : std::optional(found->second);
                     }});
    }
    std::map<std::string, std::string> files_{{"kernel8.img", "x"},
                                              {"kernel_2712.img", "x"},
                                              {"cmdline.txt", "nbdroot=192.0.2.1/boot \n"}};
};

TEST_F(Pi, HasTheUsualNames) {
    const auto config = read("auto_initramfs=1\n[none]\nkernel=nonsense\n[all]\n");
    EXPECT_FALSE(config.names_kernel);
    ASSERT_EQ(config.entries.size(), 2U);
    EXPECT_EQ(config.entries[0].kernel, "kernel_2712.img");
    EXPECT_EQ(config.entries[0].initramfs, Words{"initramfs_2712"});
    EXPECT_EQ(config.entries[1].initramfs, Words{"initramfs8"});
    EXPECT_EQ(config.entries[1].command_line, "nbdroot=192.0.2.1/boot");
}

TEST_F(Pi, NamesThemInConfigTxtAndWhatThatIncludes) {
    files_["usercfg.txt"] = "include usercfg.txt\ninitramfs initrd.img followkernel\n";
    files_["new/cmdline.txt"] = "ip=dhcp\r\n";
    const auto config = read("[pi4]\nkernel=vmlinuz\n[all]\nos_prefix=new/\ninclude usercfg.txt\n");
    ASSERT_EQ(config.entries.size(), 1U);
    EXPECT_EQ(config.entries[0].kernel, "new/vmlinuz");
    EXPECT_EQ(config.entries[0].initramfs, Words{"new/initrd.img"});
    EXPECT_EQ(config.entries[0].file, "new/cmdline.txt");
    EXPECT_EQ(config.entries[0].command_line, "ip=dhcp");
    EXPECT_EQ(read("initramfs=initrd.img\n").bad_initramfs, Words{"initramfs=initrd.img"});
}

} // namespace
} // namespace bootview::doctor
