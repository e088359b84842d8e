#include "bootview/unit_check.h"

#include <gtest/gtest.h>

namespace bootview {
namespace {

std::string unit(const std::string& name, const std::string& active, const std::string& sub,
                 const std::string& result = "success", int restarts = 0) {
    return "Id=" + name + "\nLoadState=loaded\nActiveState=" + active + "\nSubState=" + sub +
           "\nResult=" + result + "\nNRestarts=" + std::to_string(restarts) + "\n\n";
}

// A target and a socket have no NRestarts, and the target no Result.
const std::string target =
    "Id=bootview.target\nLoadState=loaded\nActiveState=active\nSubState=active\n\n";
const std::string socket_unit = "Result=success\nId=bootview-nbd.socket\nLoadState="
                                "loaded\nActiveState=active\nSubState=listening\n\n";

std::vector<std::string> problems(const std::string& before, const std::string& now) {
    return unit_problems(unit_states(before), unit_states(now));
}

TEST(UnitCheck, WhatRunsIsFineAndTheNbdServerWaitsForItsFirstClient) {
    const std::string all = target + socket_unit +
                            unit("bootview-nbd.service", "inactive", "dead") +
                            unit("tftp-bridge.service", "active", "running", "success", 3);
    EXPECT_EQ(unit_states(all).size(), 4U);
    EXPECT_EQ(problems(all, all), std::vector<std::string>{});
}

TEST(UnitCheck, APartThatFailedIsNamedWithTheCommandThatShowsWhy) {
    const std::string all =
        target + unit("tftp-bridge.service", "failed", "failed", "exit-code", 5);
    EXPECT_EQ(problems(all, all),
              std::vector<std::string>{
                  "tftp-bridge.service does not run (failed, exit-code), and its log "
                  "says why: journalctl -n 20 -u tftp-bridge.service"});
}

TEST(UnitCheck, APartThatDiesAgainAndAgainDoesNotRunThoughItSeemsTo) {
    for (const auto& now :
         {unit("bootview-boot.service", "activating", "auto-restart", "exit-code", 2),
          unit("bootview-boot.service", "active", "running", "success", 3)})
        EXPECT_EQ(
            problems(unit("bootview-boot.service", "active", "running", "success", 2), now).size(),
            1U)
            << now;
}

TEST(UnitCheck, WhatWasNeverStartedOrInstalledIsSaid) {
    const std::string none =
        "Id=bootview.target\nLoadState=not-found\nActiveState=inactive\nSubState=dead\n\n";
    EXPECT_EQ(problems(none, none),
              std::vector<std::string>{"bootview.target is not installed: apt install bootview"});
    const std::string stopped = unit("bootview.target", "inactive", "dead");
    EXPECT_EQ(
        problems(stopped, stopped),
        std::vector<std::string>{"bootview.target is inactive: systemctl start bootview.target"});
}

} // namespace
} // namespace bootview
