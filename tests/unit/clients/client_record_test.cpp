#include "tftp-bridge/clients/client_record.h"

#include <gtest/gtest.h>

namespace bootview::clients {
namespace {

using dhcp::Architecture;

const dhcp::Mac mac{{0xdc, 0xa6, 0x32, 1, 0x36, 0xc2}};

ClientRecord named(std::string name) {
    ClientRecord record;
    record.name = std::move(name);
    return record;
}

std::string found(const std::vector<ClientRecord>& records, const Identity& identity) {
    const auto* record = find_record(records, identity);
    return record ? record->name : "nobody";
}

TEST(ClientRecord, AnyOfItsNamesIsEnough) {
    auto record = named("jammy");
    record.serial = "9ffefdef";
    record.mac = mac;
    record.uuid = uuid_from_text("00112233-4455-6677-8899-aabbccddeeff");
    record.ip = AddressRange::from_text("192.0.2.7");
    const std::vector records = {record};
    EXPECT_EQ(found(records, {.serial = "9ffefdef"}), "jammy");
    EXPECT_EQ(found(records, {.mac = mac, .serial = "12345678"}), "jammy");
    EXPECT_EQ(found(records, {.uuid = record.uuid}), "jammy");
    EXPECT_EQ(found(records, {.address = dhcp::Ipv4::from_text("192.0.2.7")}), "jammy");
    EXPECT_EQ(found(records, {.address = dhcp::Ipv4::from_text("192.0.2.8")}), "nobody");
    EXPECT_EQ(found(records, {.serial = "9ffefdee"}), "nobody");
    EXPECT_EQ(found(records, {}), "nobody");
}

TEST(ClientRecord, FirmwareMayHaveItsBytesInEitherOrder) {
    auto record = named("pi");
    record.serial = "9ffefdef";
    record.uuid = uuid_from_text("00112233-4455-6677-8899-aabbccddeeff");
    EXPECT_EQ(found({record}, {.serial = "effdfe9f"}), "pi");
    EXPECT_EQ(found({record}, {.uuid = uuid_from_text("33221100-5544-7766-8899-aabbccddeeff")}),
              "pi");
}

TEST(ClientRecord, AnOldPiIsKnownByTheMacThatIsMadeOfItsSerial) {
    auto record = named("pi3");
    record.serial = "9ffefdef";
    EXPECT_EQ(found({record}, {.mac = dhcp::Mac::from_text("b8:27:eb:fe:fd:ef")}), "pi3");
    EXPECT_EQ(found({record}, {.mac = dhcp::Mac::from_text("b8:27:eb:fe:fd:ee")}), "nobody");
    EXPECT_EQ(found({record}, {.mac = dhcp::Mac::from_text("dc:a6:32:fe:fd:ef")}), "nobody");
}

TEST(ClientRecord, AMachineOfItsOwnComesBeforeARangeAndAnArchitecture) {
    auto all_x64 = named("all x64");
    all_x64.architectures = {Architecture::x64};
    auto lab = named("lab");
    lab.ip = AddressRange::from_text("192.0.2.0/24");
    auto one = named("one");
    one.mac = mac;
    const std::vector records = {all_x64, lab, one};
    const auto address = dhcp::Ipv4::from_text("192.0.2.7");
    EXPECT_EQ(found(records, {.address = address, .mac = mac}), "one");
    EXPECT_EQ(found(records, {.address = address}), "lab");
    EXPECT_EQ(found(records, {.architecture = Architecture::ebc}), "all x64");
    EXPECT_EQ(found(records, {.architecture = Architecture::x64_http}), "all x64");
    EXPECT_EQ(found(records, {.architecture = Architecture::arm64}), "nobody");
}

TEST(ClientRecord, OneMachineMayHaveARecordForEachArchitecture) {
    auto bios = named("bios");
    bios.mac = mac;
    bios.architectures = {Architecture::bios};
    auto uefi = named("uefi");
    uefi.mac = mac;
    uefi.architectures = {Architecture::x64};
    EXPECT_EQ(found({bios, uefi}, {.mac = mac, .architecture = Architecture::x64}), "uefi");
    EXPECT_EQ(found({bios, uefi}, {.mac = mac}), "bios");
}

TEST(ClientRecord, RangesHaveTheSizeTheySay) {
    const auto range = AddressRange::from_text("192.0.2.128/25").value();
    EXPECT_TRUE(range.contains(*dhcp::Ipv4::from_text("192.0.2.255")));
    EXPECT_FALSE(range.contains(*dhcp::Ipv4::from_text("192.0.2.127")));
    EXPECT_TRUE(AddressRange::from_text("0.0.0.0/0")->contains(dhcp::Ipv4{1}));
    for (const auto* text : {"", "192.0.2.1/", "192.0.2.1/33", "192.0.2/24", "192.0.2.1/2x"})
        EXPECT_FALSE(AddressRange::from_text(text)) << text;
}

TEST(ClientRecord, SerialsAndUuidsAreTakenAsPeopleWriteThem) {
    EXPECT_EQ(serial_from_text("9FFEFDEF"), "9ffefdef");
    EXPECT_EQ(serial_from_text("100000009ffefdef"), "9ffefdef");
    EXPECT_EQ(serial_from_text("0x9FFEFDEF"), "9ffefdef");
    EXPECT_EQ(serial_from_text("0xffefdef"), "0ffefdef");
    for (const auto* text : {"", "9ffefde", "9ffefdeg", "9ffefdef0"})
        EXPECT_FALSE(serial_from_text(text)) << text;
    EXPECT_EQ(uuid_from_text("00112233-4455-6677-8899-AABBCCDDEEFF"),
              uuid_from_text("00112233445566778899aabbccddeeff"));
    for (const auto* text :
         {"", "0011", "00112233-4455-6677-8899-aabbccddeef", "0011223344556677-8899-aabbccddeeff-1",
          "00112233445566778899aabbccddeeff00"})
        EXPECT_FALSE(uuid_from_text(text)) << text;
}

} // namespace
} // namespace bootview::clients
