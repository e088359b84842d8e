#include "tftp-bridge/clients/pi_pitfalls.h"

#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>

namespace bootview::clients {
namespace {

bool yes() {
    return true;
}
bool no() {
    return false;
}

TEST(PiPitfalls, AnUpdateOfTheEepromIsNamed) {
    for (const auto* name : {"pieeprom.upd", "9ffefdef/pieeprom.upd", "a/b/recovery.bin"})
        EXPECT_NE(pitfall_of(name, 5, 1468, no).find("EEPROM"), std::string::npos) << name;
    for (const auto* name : {"pieeprom.upd/x", "start4.elf", "", "xpieeprom.upd"})
        EXPECT_EQ(pitfall_of(name, 5, 1468, yes), "") << name;
}

TEST(PiPitfalls, AFileThatOldFirmwareCutsShortIsNamedForAPi) {
    EXPECT_EQ(pitfall_of("kernel8.img", 65535ULL * 1024 - 1, 1024, yes), "") << "65535 blocks";
    EXPECT_NE(pitfall_of("kernel8.img", 65535ULL * 1024, 1024, yes), "") << "and an empty one";
    EXPECT_EQ(pitfall_of("vmlinuz", 65535ULL * 1024, 1024, no), "");
}

TEST(PiPitfalls, AnUpdateIsFoundInItsRoot) {
    const test::TemporaryDirectory root;
    EXPECT_EQ(find_eeprom_update(root.path().string()), "");
    root.write("recovery.bin", "");
    EXPECT_EQ(find_eeprom_update(root.path().string()), "recovery.bin");
}

} // namespace
} // namespace bootview::clients
