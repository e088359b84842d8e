// If these fail, the doctor asks for other files than a PC does, and what it says is not true of
// it.
#include "bootview/doctor/pc_loaders.h"

#include <gtest/gtest.h>

#include <map>

namespace bootview::doctor {
namespace {

const dhcp::Mac mac{{0x52, 0x54, 0, 0x12, 0xab, 0x56}};

// The names that were asked for, of which there are those of `files`.
struct Tree {
    std::map<std::string, std::string> files;
    std::vector<std::string> asked;

    PcConfiguration read(const PcLoader& loader) {
        return read_configuration(loader, [this](const std::string& name) {
            asked.push_back(name);
            const auto found = files.find(name);
            return found == files.end() ? nullptr : &found->second;
        });
    }
};

TEST(PcLoaders, PxelinuxLooksForItsMacThenItsAddressThenTheDefault) {
    Tree tree;
    EXPECT_EQ(tree.read({"pxelinux.0", mac, dhcp::Ipv4{0xc0a80032}, ""}).file, "");
    EXPECT_EQ(tree.asked, (std::vector<std::string>{
                              "pxelinux.cfg/01-52-54-00-12-ab-56", "pxelinux.cfg/C0A80032",
                              "pxelinux.cfg/C0A8003", "pxelinux.cfg/C0A800", "pxelinux.cfg/C0A80",
                              "pxelinux.cfg/C0A8", "pxelinux.cfg/C0A", "pxelinux.cfg/C0",
                              "pxelinux.cfg/C", "pxelinux.cfg/default"}));
    tree.files["boot/pxelinux.cfg/default"] = "LABEL a\nKERNEL vmlinuz\n";
    EXPECT_EQ(tree.read({"boot/pxelinux.0", mac, {}, ""}).entries.at(0).kernel, "vmlinuz");
}

TEST(PcLoaders, GrubOfTheNetworkReadsNoOtherConfiguration) {
    Tree tree{{{"pxelinux.cfg/default", ""}, {"EFI/debian/grub.cfg", ""}, {"boot.ipxe", ""}}, {}};
    EXPECT_EQ(tree.read({"grubnetx64.efi", mac, {}, ""}).file, "");
    EXPECT_EQ(tree.asked, std::vector<std::string>{"grub/grub.cfg"});
    // Of which only its maker knows what it is.
    EXPECT_EQ(tree.read({"EFI/BOOT/BOOTX64.EFI", mac, {}, ""}).file, "pxelinux.cfg/default");
}

TEST(PcLoaders, IpxeTakesTheScriptThatItIsToldAndKnowsItsMac) {
    Tree tree{{{"boot.ipxe", "#!ipxe\nkernel vmlinuz nbdroot=boot:/${net0/mac:hexhyp}\n"},
               {"told.ipxe", "#!ipxe\nkernel other\n"}},
              {}};
    const auto found = tree.read({"snponly.efi", mac, {}, ""});
    EXPECT_EQ(found.file, "boot.ipxe");
    EXPECT_EQ(found.entries.at(0).command_line, "nbdroot=boot:/52-54-00-12-ab-56");
    EXPECT_EQ(tree.read({"undionly.kpxe", mac, {}, "told.ipxe"}).entries.at(0).kernel, "other");
}

TEST(PcLoaders, GrubHearsNothingOfAProxy) {
    EXPECT_TRUE(asks_whom_the_dhcp_server_names("grubnetx64.efi"));
    EXPECT_TRUE(asks_whom_the_dhcp_server_names("EFI/debian/shimx64.efi"));
    EXPECT_FALSE(asks_whom_the_dhcp_server_names("snponly.efi"));
}

TEST(PcLoaders, SomeNeedAnotherFileAtOnce) {
    EXPECT_EQ(companions_of("pxelinux.0"), std::vector<std::string>{"ldlinux.c32"});
    EXPECT_EQ(companions_of("boot/lpxelinux.0"), std::vector<std::string>{"boot/ldlinux.c32"});
    EXPECT_EQ(companions_of("syslinux.efi"), std::vector<std::string>{"ldlinux.e64"});
    EXPECT_EQ(companions_of("shimx64.efi"), std::vector<std::string>{"grubx64.efi"});
    EXPECT_TRUE(companions_of("grubnetx64.efi").empty());
}

} // namespace
} // namespace bootview::doctor
