#include "tftp-bridge/dhcp/machine.h"

#include "messages.h"

#include <gtest/gtest.h>

namespace bootview::dhcp {
namespace {

BootClass class_of(const Message& message) {
    const auto identified = identify(message);
    return identified.machine.value().boot_class;
}

void remove(Message& message, Code code) {
    std::erase_if(message.options, [&](const Option& option) { return option.code == code; });
}

void replace(Message& message, Code code, std::string_view hex) {
    remove(message, code);
    message.options.push_back({code, from_hex(hex)});
}

TEST(DhcpMachine, EveryRaspberryPiIsKnownThoughItSaysThatItIsAPc) {
    for (const auto& message : {pi_3(), pi_3_plus(), pi_4(), pi_5()}) {
        const auto machine = identify(message).machine.value();
        EXPECT_EQ(machine.boot_class, BootClass::pi);
        EXPECT_EQ(machine.architecture, Architecture::raspberry_pi);
        EXPECT_FALSE(machine.uuid);
    }
}

TEST(DhcpMachine, TheSerialOfAPiIsReadFromItsIdentifier) {
    EXPECT_EQ(identify(pi_3_plus()).machine->serial, "9ffefdef");
    EXPECT_EQ(identify(pi_4()).machine->serial, "a1b2c3d4");
    EXPECT_EQ(identify(pi_3()).machine->serial, std::nullopt);
}

TEST(DhcpMachine, APiWhoseOwnerHasSetAnotherIdentifierIsStillAPi) {
    auto message = pi_4();
    replace(message, Code::machine_identifier, "00 00112233445566778899aabbccddeeff");
    EXPECT_EQ(class_of(message), BootClass::pi);
}

TEST(DhcpMachine, NoPcIsTakenForAPi) {
    for (const auto& message : {pc_bios(), edk2(), ipxe_bios(), http_client()})
        EXPECT_NE(class_of(message), BootClass::pi);

    // A board whose maker left the UUID empty.
    for (const auto* identifier :
         {"00 00000000000000000000000000000000", "00 ffffffffffffffffffffffffffffffff"}) {
        auto message = pc_bios();
        remove(message, Code::max_message_size);
        replace(message, Code::machine_identifier, identifier);
        replace(message, Code::parameter_list, "01 03 06 0f 2b 3c 42 43");
        EXPECT_EQ(class_of(message), BootClass::bios) << identifier;
        EXPECT_FALSE(identify(message).machine->uuid);
    }

    // iPXE that runs on a Pi is iPXE.
    auto message = pi_4();
    replace(message, Code::user_class, "69505845");
    EXPECT_EQ(class_of(message), BootClass::ipxe);
}

TEST(DhcpMachine, IpxeIsKnownWithAndWithoutTheLengthByteOfRfc3004) {
    for (const auto* user_class : {"69505845", "0469505845"}) {
        auto message = edk2();
        replace(message, Code::user_class, user_class);
        EXPECT_EQ(class_of(message), BootClass::ipxe);
    }
    auto message = edk2();
    replace(message, Code::user_class, "69505846");
    EXPECT_EQ(class_of(message), BootClass::uefi);
    replace(message, Code::ipxe, "");
    EXPECT_EQ(class_of(message), BootClass::ipxe);
}

TEST(DhcpMachine, TheFirstKnownArchitectureOfSeveralCounts) {
    auto message = edk2();
    replace(message, Code::architecture, "ffff 0007 0000");
    EXPECT_EQ(identify(message).machine->architecture, Architecture::x64);
    replace(message, Code::architecture, "ffff");
    EXPECT_EQ(to_string(identify(message).machine->architecture), "architecture 65535");
    replace(message, Code::architecture, "00");
    EXPECT_EQ(identify(message).reason, NotBooting::no_architecture);
    EXPECT_EQ(identify(message).machine, std::nullopt);
}

TEST(DhcpMachine, OrdinaryClientsAreNotOfOurBusiness) {
    auto message = pc_bios();
    remove(message, Code::vendor_class);
    EXPECT_EQ(identify(message).reason, NotBooting::no_vendor_class);
    replace(message, Code::vendor_class, to_hex(value_of("MSFT 5.0")));
    EXPECT_EQ(identify(message).reason, NotBooting::other_vendor_class);
    EXPECT_FALSE(identify(message).machine);
}

TEST(DhcpMachine, ArchitecturesHaveNamesThatCanBeRead) {
    for (const auto name : architecture_names()) {
        const auto architecture = architecture_from_text(name);
        ASSERT_TRUE(architecture) << name;
        EXPECT_EQ(to_string(*architecture), name);
    }
    EXPECT_EQ(architecture_from_text("7"), Architecture::x64);
    for (const auto* text : {"", "x86", "7x", "-1", "65536"})
        EXPECT_FALSE(architecture_from_text(text)) << text;
    EXPECT_EQ(program_architecture(Architecture::ebc), Architecture::x64);
    EXPECT_EQ(program_architecture(Architecture::arm64_http), Architecture::arm64);
}

} // namespace
} // namespace bootview::dhcp
