#include "tftp-bridge/clients/boot_lookups.h"

#include "tests/support/temporary_directory.h"

#include <poll.h>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include <thread>

namespace bootview::clients {
namespace {

using dhcp::Architecture;

class BootLookupsTest : public testing::Test {
protected:
    BootQuestion question(std::vector<std::string> own_names = {}) {
        return {directory.path().string(),
                std::move(own_names),
                Architecture::bios,
                dhcp::BootClass::bios,
                true,
                {},
                {}};
    }
    // As the event loop has it.
    std::string program(const BootQuestion& asked) {
        std::optional<std::string> found;
        lookups.find(asked, [&](const dhcp::BootFiles& files) { found = files.program; });
        while (!found) {
            pollfd ready{lookups.fd(), POLLIN, 0};
            poll(&ready, 1, -1);
            lookups.run_completed();
        }
        return *found;
    }

    test::TemporaryDirectory directory;
    BootLookups lookups;
};

TEST_F(BootLookupsTest, WhatWasFoundIsSoonLookedForAgain) {
    directory.write("lpxelinux.0", "");
    EXPECT_EQ(program(question()), "lpxelinux.0");
    directory.write("pxelinux.0", "");
    while (program(question()) != "pxelinux.0")
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::filesystem::remove(directory / "pxelinux.0");
    std::filesystem::remove(directory / "lpxelinux.0");
    while (!program(question()).empty())
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

// Whole classrooms ask the same: not each of them is to wait for a thread.
TEST_F(BootLookupsTest, WhatIsKnownIsAnsweredForOtherMachinesToo) {
    directory.write("pxelinux.0", "");
    directory.write("dc-a6-32-01-36-c2/lpxelinux.0", "");
    EXPECT_FALSE(lookups.find_now(question({"52-54-00-00-00-01"})));
    // An answer may be too old by the time that it is here.
    std::optional<dhcp::BootFiles> known;
    while (!known) {
        program(question({"52-54-00-00-00-01"}));
        known = lookups.find_now(question({"52-54-00-00-00-02"}));
    }
    EXPECT_EQ(known->program, "pxelinux.0");
    EXPECT_FALSE(known->named);
    std::optional<dhcp::BootFiles> own;
    while (!own) {
        program(question({"dc-a6-32-01-36-c2"}));
        own = lookups.find_now(question({"dc:a6:32:01:36:c2"}));
    }
    EXPECT_EQ(own->program, "lpxelinux.0");
    EXPECT_TRUE(own->named);
}

} // namespace
} // namespace bootview::clients
