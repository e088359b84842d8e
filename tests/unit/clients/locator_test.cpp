#include "tftp-bridge/clients/locator.h"

#include "tests/support/temporary_directory.h"
#include "tftp-bridge/clients/config_file.h"

#include <gtest/gtest.h>

namespace bootview::clients {
namespace {

using namespace std::chrono_literals;

tftp::Endpoint peer(const char* address) {
    return *tftp::Endpoint::from_text(address, 49152);
}

class LocatorTest : public testing::Test {
protected:
    void configure(std::string_view text) {
        locator.set_records(parse_config(text, "t.toml", {}).clients);
    }
    // "DIRECTORY: NAME", with --root as ".".
    std::string place(const char* address, const std::string& name) {
        const auto found = place_for(peer(address), name);
        auto directory = found.directory;
        const auto root = tree.path().string();
        if (directory.starts_with(root))
            directory = "." + directory.substr(root.size());
        return directory + ": " + found.name;
    }
    // With every question answered at once.
    Place place_for(const tftp::Endpoint& from, const std::string& name) {
        while (true) {
            const auto found = locator.place_for(from, name, now);
            if (const auto* told = std::get_if<Place>(&found))
                return *told;
            const auto& question = std::get<NameQuestion>(found);
            locator.learn(question, first_name(question), now);
        }
    }
    std::string program(dhcp::Machine machine) { return boot_files_for(machine).program; }
    dhcp::BootFiles boot_files_for(const dhcp::Machine& machine) {
        return look_up(locator.question_about(machine, now));
    }
    static dhcp::Machine machine(const char* mac, dhcp::Architecture architecture,
                                 dhcp::BootClass boot_class = dhcp::BootClass::uefi) {
        dhcp::Machine result;
        result.mac = *dhcp::Mac::from_text(mac);
        result.architecture = architecture;
        result.boot_class = boot_class;
        return result;
    }

    test::TemporaryDirectory tree;
    std::map<std::string, std::string> neighbours; // address to MAC
    int questions = 0;
    BootDefaults defaults;
    Locator::TimePoint now{};
    Locator locator{tree.path().string(), defaults,
                    [this](const tftp::Endpoint& address) -> std::optional<dhcp::Mac> {
                        ++questions;
                        EXPECT_EQ(address.port, 0);
                        for (const auto& [text, mac] : neighbours)
                            if (*tftp::Endpoint::from_text(text, 0) == address)
                                return dhcp::Mac::from_text(mac);
                        return std::nullopt;
                    }};
};

TEST_F(LocatorTest, WithoutAnythingToGoByItIsTheRoot) {
    EXPECT_EQ(place("192.0.2.7", "kernel8.img"), ".: kernel8.img");
    EXPECT_EQ(place("2001:db8::7", "9ffefdef/start4.elf"), ".: 9ffefdef/start4.elf");
}

TEST_F(LocatorTest, AClientWithARootOfItsOwnSeesThatAlone) {
    configure("[[client]]\nip = '192.0.2.7'\nroot = 'jammy'\n"
              "[[client]]\nip = '192.0.2.8'\nroot = '/srv/noble'\n"
              "[[client]]\nserial = '9ffefdef'\nroot = 'other'\n");
    EXPECT_EQ(place("192.0.2.7", "kernel8.img"), "./jammy: kernel8.img");
    EXPECT_EQ(place("192.0.2.8", "boot/kernel"), "/srv/noble: boot/kernel");
    // ".." and another client's prefix are looked up inside its root, which they do not leave.
    EXPECT_EQ(place("192.0.2.7", "../other/x"), "./jammy: ../other/x");
    EXPECT_EQ(place("192.0.2.7", "9ffefdef/start4.elf").substr(0, 8), "./jammy:");
}

TEST_F(LocatorTest, APisPrefixStandsForItsRootWhicheverItUses) {
    configure("[[client]]\nserial = '9ffefdef'\nmac = 'dc:a6:32:01:36:c2'\nprefix = 'lab1'\n"
              "root = 'jammy'\n");
    for (const auto* prefix : {"9ffefdef", "9FFEFDEF", "dc-a6-32-01-36-c2", "lab1"})
        EXPECT_EQ(place("192.0.2.7", std::string(prefix) + "/overlays/x.dtbo"),
                  "./jammy: overlays/x.dtbo");
    EXPECT_EQ(place("192.0.2.7", "12345678/start4.elf"), ".: 12345678/start4.elf");
}

TEST_F(LocatorTest, FilesWithoutAPrefixAreFoundByTheNeighbourTable) {
    configure("[[client]]\nserial = '9ffefdef'\nroot = 'jammy'\n");
    neighbours["192.0.2.7"] = "b8:27:eb:fe:fd:ef"; // a Pi 3, made of its serial number
    EXPECT_EQ(place("192.0.2.7", "bootcode.bin"), "./jammy: bootcode.bin");
    EXPECT_EQ(place("192.0.2.7", "9ffefdef/start.elf"), "./jammy: start.elf");
    EXPECT_EQ(place("192.0.2.8", "bootcode.bin"), ".: bootcode.bin");
}

TEST_F(LocatorTest, FilesWithoutAPrefixAreFoundByWhatDhcpTold) {
    configure("[[client]]\nserial = 'a1b2c3d4'\nroot = 'jammy'\n");
    auto pi = machine("dc:a6:32:01:36:c2", dhcp::Architecture::raspberry_pi, dhcp::BootClass::pi);
    pi.serial = "a1b2c3d4";
    locator.known().learn(pi);
    EXPECT_EQ(place("192.0.2.7", "start4.elf"), ".: start4.elf");
    locator.known().learn_address(pi.mac, *dhcp::Ipv4::from_text("192.0.2.7"));
    EXPECT_EQ(place("192.0.2.7", "start4.elf"), "./jammy: start4.elf");
    // An address that has a new owner by now: what the kernel sees counts.
    now += 2s;
    neighbours["192.0.2.7"] = "02:00:00:00:00:01";
    EXPECT_EQ(place("192.0.2.7", "start4.elf"), ".: start4.elf");
}

TEST_F(LocatorTest, APrefixThatNobodyToldUsIsTakenOffWhereThereIsNoSuchDirectory) {
    configure("[[client]]\nmac = 'dc:a6:32:01:36:c2'\nroot = 'jammy'\n");
    neighbours["192.0.2.7"] = "dc:a6:32:01:36:c2";
    EXPECT_EQ(place("192.0.2.7", "a1b2c3d4/start4.elf"), "./jammy: start4.elf");
    EXPECT_EQ(place("192.0.2.7", "overlays/x.dtbo"), "./jammy: overlays/x.dtbo");
    tree.write("jammy/a1b2c3d4/start4.elf", "");
    now += 2s;
    EXPECT_EQ(place("192.0.2.7", "a1b2c3d4/start4.elf"), "./jammy: a1b2c3d4/start4.elf");
}

TEST_F(LocatorTest, WithoutConfigurationDirectoriesNamedByMacOrSerialAreRoots) {
    tree.write("52-54-00-12-34-56/pxelinux.0", "");
    tree.write("jammy/start4.elf", "");
    std::filesystem::create_directory_symlink("jammy", tree / "9ffefdef");
    neighbours["192.0.2.6"] = "52:54:00:12:34:56";
    neighbours["192.0.2.7"] = "b8:27:eb:fe:fd:ef";
    EXPECT_EQ(place("192.0.2.6", "pxelinux.0"), "./52-54-00-12-34-56: pxelinux.0");
    EXPECT_EQ(place("192.0.2.6", "52-54-00-12-34-56/a"), "./52-54-00-12-34-56: a");
    // A prefix works whoever asks, as it always did with a TFTP server.
    EXPECT_EQ(place("192.0.2.7", "9ffefdef/start4.elf"), ".: 9ffefdef/start4.elf");

    dhcp::Machine pi =
        machine("b8:27:eb:fe:fd:ef", dhcp::Architecture::raspberry_pi, dhcp::BootClass::pi);
    pi.serial = "9ffefdef";
    locator.known().learn(pi);
    EXPECT_EQ(place("192.0.2.7", "9ffefdef/start4.elf"), "./9ffefdef: start4.elf");
    EXPECT_EQ(place("192.0.2.7", "config.txt"), "./9ffefdef: config.txt");
}

TEST_F(LocatorTest, AMachinesDirectoryIsItsOwnHoweverItsNameIsSpelt) {
    tree.write("10000000CAFEF00D/start4.elf", "");
    tree.write("DC:A6:32:01:36:C2/start4.elf", "");
    auto pi = machine("dc:a6:32:00:00:01", dhcp::Architecture::raspberry_pi, dhcp::BootClass::pi);
    pi.serial = "cafef00d";
    locator.known().learn(pi);
    neighbours["192.0.2.6"] = "dc:a6:32:01:36:c2";
    neighbours["192.0.2.7"] = "dc:a6:32:00:00:01";
    EXPECT_EQ(place("192.0.2.7", "config.txt"), "./10000000CAFEF00D: config.txt");
    EXPECT_EQ(place("192.0.2.7", "cafef00d/config.txt"), "./10000000CAFEF00D: config.txt");
    EXPECT_EQ(place("192.0.2.6", "config.txt"), "./DC:A6:32:01:36:C2: config.txt");
    EXPECT_EQ(place("192.0.2.6", "dc-a6-32-01-36-c2/a"), "./DC:A6:32:01:36:C2: a");
    tree.write("cafef00d/start4.elf", "");
    now += 2s;
    EXPECT_EQ(place("192.0.2.7", "config.txt"), "./cafef00d: config.txt")
        << "as it asks comes first";
    EXPECT_EQ(program(machine("dc:a6:32:01:36:c2", dhcp::Architecture::bios)), "");
    tree.write("DC:A6:32:01:36:C2/pxelinux.0", "");
    EXPECT_EQ(program(machine("dc:a6:32:01:36:c2", dhcp::Architecture::bios)), "pxelinux.0");
}

TEST_F(LocatorTest, AClientIsMeantHoweverItsSerialOrMacIsSpelt) {
    configure("[[client]]\nserial = '0x10000000CAFEF00D'\nroot = 'a'\n"
              "[[client]]\nmac = 'dca6.3201.36c2'\nroot = 'b'\n");
    EXPECT_EQ(place("192.0.2.7", "cafef00d/x"), "./a: x");
    EXPECT_EQ(place("192.0.2.7", "10000000cafef00d/x"), "./a: x");
    EXPECT_EQ(place("192.0.2.7", "DC:A6:32:1:36:C2/x"), "./b: x");
}

TEST_F(LocatorTest, TheRootsOwnPathMayStandBeforeAName) {
    const auto whole = tree.path().string().substr(1);
    configure("[[client]]\nip = '192.0.2.7'\nroot = 'jammy'\n"
              "[[client]]\nip = '192.0.2.8'\nroot = '/srv/noble'\n"
              "[[client]]\nserial = '9ffefdef'\nroot = 'focal'\n");
    EXPECT_EQ(place("192.0.2.6", whole + "/pxelinux.0"), ".: pxelinux.0");
    EXPECT_EQ(place("192.0.2.6", whole + "/9ffefdef/x"), "./focal: x");
    EXPECT_EQ(place("192.0.2.7", whole + "/jammy/pxelinux.0"), "./jammy: pxelinux.0");
    EXPECT_EQ(place("192.0.2.7", whole + "/pxelinux.0"), "./jammy: pxelinux.0");
    EXPECT_EQ(place("192.0.2.8", "srv/noble/pxelinux.0"), "/srv/noble: pxelinux.0");
    // What is behind it is a name like any other: it does not leave the client's root.
    EXPECT_EQ(place("192.0.2.8", "srv/noble/../x"), "/srv/noble: ../x");
}

TEST_F(LocatorTest, TheFirstStageMayLieBesideTheDirectoriesOfThePis) {
    tree.write("bootcode.bin", "");
    tree.write("9ffefdef/start.elf", "");
    dhcp::Machine pi =
        machine("b8:27:eb:fe:fd:ef", dhcp::Architecture::raspberry_pi, dhcp::BootClass::pi);
    pi.serial = "9ffefdef";
    locator.known().learn(pi);
    neighbours["192.0.2.7"] = "b8:27:eb:fe:fd:ef";
    EXPECT_EQ(place("192.0.2.7", "bootcode.bin"), ".: bootcode.bin");
    tree.write("9ffefdef/bootcode.bin", "");
    now += 2s;
    EXPECT_EQ(place("192.0.2.7", "bootcode.bin"), "./9ffefdef: bootcode.bin");
}

TEST_F(LocatorTest, ALinkOutOfTheRootIsNoRoot) {
    const test::TemporaryDirectory outside;
    std::filesystem::create_directory_symlink(outside.path(), tree / "52-54-00-12-34-56");
    neighbours["192.0.2.6"] = "52:54:00:12:34:56";
    EXPECT_EQ(place("192.0.2.6", "pxelinux.0"), ".: pxelinux.0");
}

TEST_F(LocatorTest, TheNeighbourTableIsNotAskedForEveryFile) {
    neighbours["192.0.2.7"] = "52:54:00:12:34:56";
    for (int i = 0; i < 100; ++i)
        place("192.0.2.7", "x");
    EXPECT_EQ(questions, 1);
    now += 60s;
    place("192.0.2.7", "x");
    EXPECT_EQ(questions, 2);
}

TEST_F(LocatorTest, AFloodOfAddressesStaysInItsBounds) {
    for (unsigned i = 0; i < 10000; ++i) {
        auto from = peer("192.0.2.7");
        from.address[1] = static_cast<std::uint8_t>(i >> 8);
        from.address[2] = static_cast<std::uint8_t>(i & 0xff);
        place_for(from, "x");
    }
    EXPECT_EQ(questions, 10000);
}

TEST_F(LocatorTest, BootProgramsAreFoundByArchitecture) {
    tree.write("pxelinux.0", "");
    tree.write("EFI/BOOT/BOOTX64.EFI", "");
    tree.write("efi/boot/bootaa64.efi", "");
    using enum dhcp::Architecture;
    EXPECT_EQ(program(machine("520000000001", bios)), "pxelinux.0");
    EXPECT_EQ(program(machine("520000000001", x64)), "EFI/BOOT/BOOTX64.EFI");
    EXPECT_EQ(program(machine("520000000001", ebc)), "EFI/BOOT/BOOTX64.EFI");
    EXPECT_EQ(program(machine("520000000001", arm64)), "efi/boot/bootaa64.efi");
    EXPECT_EQ(program(machine("520000000001", ia32)), "");
    EXPECT_EQ(program(machine("520000000001", static_cast<dhcp::Architecture>(12))), "");
}

TEST_F(LocatorTest, ABootProgramIsLookedForInTheClientsOwnRoot) {
    tree.write("pxelinux.0", "");
    tree.write("jammy/lpxelinux.0", "");
    tree.write("52-00-00-00-00-02/undionly.kpxe", "");
    configure("[[client]]\nmac = '52:00:00:00:00:01'\nroot = 'jammy'\n"
              "[[client]]\nmac = '52:00:00:00:00:03'\nboot-file = 'my.0'\n"
              "ipxe-script = 'my.ipxe'\nhttp-boot = 'http://192.0.2.1/x.efi'\n");
    const auto bios = dhcp::Architecture::bios;
    EXPECT_EQ(program(machine("520000000001", bios)), "lpxelinux.0");
    EXPECT_EQ(program(machine("520000000002", bios)), "undionly.kpxe");
    EXPECT_EQ(program(machine("520000000004", bios)), "pxelinux.0");
    const auto files = boot_files_for(machine("520000000003", bios));
    EXPECT_EQ(files.program, "my.0");
    EXPECT_EQ(files.ipxe_script, "my.ipxe");
    EXPECT_EQ(files.url, "http://192.0.2.1/x.efi");
}

// Firmware says either 7 or 9 for x64, and who writes the configuration can't know which.
TEST_F(LocatorTest, AProgramForX64IsForAllX64Firmware) {
    using enum dhcp::Architecture;
    for (const auto given : {x64, ebc}) {
        BootDefaults said;
        said.boot_file[given] = "grub.efi";
        said.http_boot[given] = "http://192.0.2.1/x.efi";
        const Locator one(tree.path().string(), said,
                          [](const tftp::Endpoint&) { return std::nullopt; });
        for (const auto asks : {x64, ebc})
            EXPECT_EQ(look_up(one.question_about(machine("520000000001", asks), now)).program,
                      "grub.efi");
        for (const auto asks : {x64_http, ebc_http})
            EXPECT_EQ(look_up(one.question_about(
                                  machine("520000000001", asks, dhcp::BootClass::http), now))
                          .url,
                      "http://192.0.2.1/x.efi");
        EXPECT_EQ(look_up(one.question_about(machine("520000000001", arm64), now)).program, "");
    }
}

TEST_F(LocatorTest, IpxeFindsAScriptBesideIt) {
    tree.write("undionly.kpxe", "");
    tree.write("boot.ipxe", "");
    const auto bios = dhcp::Architecture::bios;
    EXPECT_EQ(boot_files_for(machine("520000000001", bios, dhcp::BootClass::ipxe)).ipxe_script,
              "boot.ipxe");
    tree.write("pxelinux.0", ""); // comes first, and needs no script
    EXPECT_EQ(boot_files_for(machine("520000000001", bios, dhcp::BootClass::ipxe)).ipxe_script, "");
}

TEST_F(LocatorTest, IpxeIsKnownByItsContentWhateverItIsCalled) {
    const auto ipxe = machine("520000000001", dhcp::Architecture::x64, dhcp::BootClass::ipxe);
    tree.write("EFI/BOOT/BOOTX64.EFI", std::string(100'000, 'x'));
    EXPECT_FALSE(boot_files_for(ipxe).program_starts_ipxe);
    tree.write("EFI/BOOT/BOOTX64.EFI",
               std::string(100'000, 'x') + "iPXE -- Open Source Network Boot Firmware");
    EXPECT_TRUE(boot_files_for(ipxe).program_starts_ipxe);
    EXPECT_EQ(boot_files_for(ipxe).ipxe_script, "");
    configure("[[client]]\nmac = '52:00:00:00:00:01'\nboot-file = '" + tree.path().string() +
              "/EFI/BOOT/BOOTX64.EFI'\n");
    EXPECT_TRUE(boot_files_for(ipxe).program_starts_ipxe) << "by its whole path";
    configure("");
    tree.write("autoexec.ipxe", "");
    EXPECT_EQ(boot_files_for(ipxe).ipxe_script, "autoexec.ipxe");
    const auto firmware = machine("520000000001", dhcp::Architecture::x64);
    EXPECT_EQ(boot_files_for(firmware).ipxe_script, "");
    EXPECT_EQ(boot_files_for(firmware).program, "EFI/BOOT/BOOTX64.EFI");
}

// What has loaded iPXE need not be iPXE: it may be a boot loader that goes on to it.
TEST_F(LocatorTest, WhatBecameIpxeIsNotOfferedToItAgain) {
    tree.write("grubx64.efi", "GRUB");
    auto pc = machine("520000000001", dhcp::Architecture::x64);
    auto ipxe = pc;
    ipxe.boot_class = dhcp::BootClass::ipxe;
    locator.known().learn(pc);
    EXPECT_FALSE(boot_files_for(ipxe).program_starts_ipxe) << "it may be iPXE in a ROM";
    now += 1h;
    locator.known().offered(ipxe, "grubx64.efi", now);
    EXPECT_FALSE(boot_files_for(ipxe).program_starts_ipxe);
    locator.known().offered(pc, "grubx64.efi", now);
    now += 20s;
    EXPECT_TRUE(boot_files_for(ipxe).program_starts_ipxe);
    tree.write("boot.ipxe", "");
    EXPECT_EQ(boot_files_for(ipxe).ipxe_script, "boot.ipxe");
    now += 10min;
    EXPECT_FALSE(boot_files_for(ipxe).program_starts_ipxe);
}

TEST_F(LocatorTest, IpxeInARomGetsAScriptWhereNothingElseIs) {
    tree.write("boot.ipxe", "");
    const auto ipxe = machine("520000000001", dhcp::Architecture::bios, dhcp::BootClass::ipxe);
    EXPECT_EQ(boot_files_for(ipxe).ipxe_script, "boot.ipxe");
}

TEST_F(LocatorTest, OptionsOfTheCommandLineAreForAllOthers) {
    tree.write("pxelinux.0", "");
    BootDefaults given;
    given.boot_file[dhcp::Architecture::bios] = "grub.0";
    given.http_boot[dhcp::Architecture::x64] = "http://192.0.2.1/x.efi";
    given.ipxe_script = "s.ipxe";
    const Locator with_options(tree.path().string(), given,
                               [](const tftp::Endpoint&) { return std::nullopt; });
    const auto files = look_up(
        with_options.question_about(machine("520000000001", dhcp::Architecture::bios), now));
    EXPECT_EQ(files.program, "grub.0");
    EXPECT_EQ(files.ipxe_script, "s.ipxe");
    EXPECT_EQ(
        look_up(
            with_options.question_about(
                machine("520000000001", dhcp::Architecture::x64_http, dhcp::BootClass::http), now))
            .url,
        "http://192.0.2.1/x.efi");
}

TEST_F(LocatorTest, ABoardThatDhcpNeverToldOfIsKnownByWhatItAsksFor) {
    configure("[[client]]\nserial = '9ffefdef'\nname = 'kitchen'\n"
              "[[client]]\nprefix = 'lab1'\nname = 'lab'\n");
    const auto from = peer("192.0.2.7");
    const auto known = locator.identify(from, "9ffefdef/start4.elf", now);
    EXPECT_EQ(known.serial, "9ffefdef");
    EXPECT_EQ(locator.name_of(known, "9ffefdef/start4.elf"), "kitchen");
    EXPECT_EQ(locator.identify(from, "10000000CAFEF00D/config.txt", now).serial, "cafef00d");
    EXPECT_EQ(locator.identify(from, "dc-a6-32-01-36-c2/config.txt", now).mac,
              dhcp::Mac::from_text("dc:a6:32:01:36:c2"));
    EXPECT_EQ(locator.name_of(locator.identify(from, "lab1/config.txt", now), "lab1/config.txt"),
              "lab");
    EXPECT_FALSE(locator.identify(from, "20240101/vmlinuz", now).serial);
    EXPECT_FALSE(locator.identify(from, "config.txt", now).serial);
    neighbours["192.0.2.8"] = "dc:a6:32:00:00:01";
    EXPECT_EQ(locator.identify(peer("192.0.2.8"), "dc-a6-32-01-36-c2/config.txt", now).mac,
              dhcp::Mac::from_text("dc:a6:32:00:00:01"));
}

TEST_F(LocatorTest, ClientsHaveTheirNamesInTheLog) {
    configure("[[client]]\nmac = '52:00:00:00:00:01'\nname = 'kitchen'\n");
    EXPECT_EQ(locator.describe(*dhcp::Mac::from_text("520000000001")),
              "kitchen (52:00:00:00:00:01)");
    EXPECT_EQ(locator.describe(*dhcp::Mac::from_text("520000000002")), "52:00:00:00:00:02");
    EXPECT_EQ(place_for(peer("192.0.2.7"), "x").client, "");
}

} // namespace
} // namespace bootview::clients
