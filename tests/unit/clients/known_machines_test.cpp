#include "tftp-bridge/clients/known_machines.h"

#include <gtest/gtest.h>

namespace bootview::clients {
namespace {

dhcp::Mac mac(unsigned number) {
    return {{2, 0, 0, 0, static_cast<std::uint8_t>(number >> 8),
             static_cast<std::uint8_t>(number & 0xff)}};
}

void learn_with_address(KnownMachines& known, unsigned number, std::uint32_t address) {
    dhcp::Machine machine;
    machine.mac = mac(number);
    known.learn(machine);
    known.learn_address(machine.mac, {address});
}

TEST(KnownMachines, MachinesThatDoNotBootFromTheNetworkTakeNoRoom) {
    KnownMachines known;
    known.learn_address(mac(1), {7});
    EXPECT_EQ(known.size(), 0U);
    EXPECT_FALSE(known.owner_of({7}));
}

TEST(KnownMachines, ALaterStageThatTellsLessTakesNothingAway) {
    KnownMachines known;
    dhcp::Machine machine;
    machine.mac = mac(1);
    machine.serial = "9ffefdef";
    machine.architecture = dhcp::Architecture::raspberry_pi;
    known.learn(machine);
    machine.serial.reset();
    known.learn(machine);
    EXPECT_EQ(known.identity_of(mac(1)).serial, "9ffefdef");
    EXPECT_EQ(known.identity_of(mac(1)).mac, mac(1));
    EXPECT_EQ(known.identity_of(mac(2)).mac, mac(2));
    EXPECT_FALSE(known.identity_of(mac(2)).serial);
}

TEST(KnownMachines, AnAddressBelongsToWhoeverHadItLast) {
    KnownMachines known;
    learn_with_address(known, 1, 7);
    learn_with_address(known, 2, 7);
    EXPECT_EQ(known.owner_of({7}), mac(2));
    EXPECT_FALSE(known.identity_of(mac(1)).address);
    known.learn_address(mac(2), {8});
    EXPECT_FALSE(known.owner_of({7}));
    EXPECT_EQ(known.owner_of({8}), mac(2));
}

TEST(KnownMachines, AFloodOfMachinesStaysInItsBoundsAndForgetsTheOldest) {
    KnownMachines known(3);
    for (unsigned i = 0; i < 3; ++i)
        learn_with_address(known, i, i + 1);
    learn_with_address(known, 0, 1); // heard again
    for (unsigned i = 3; i < 5; ++i)
        learn_with_address(known, i, i + 1);
    EXPECT_EQ(known.size(), 3U);
    EXPECT_EQ(known.owner_of({1}), mac(0));
    EXPECT_FALSE(known.owner_of({2}));
    EXPECT_FALSE(known.owner_of({3}));
    EXPECT_EQ(known.owner_of({5}), mac(4));
}

} // namespace
} // namespace bootview::clients
