// bootview status --check: whether every part of bootview.target runs. `systemctl start
// bootview.target` ends with 0 when a part has failed: a target only wants its parts, so that one
// of them can be stopped, or can fail, alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bootview {

// One of the units, as `systemctl show` describes it.
struct UnitState {
    std::string name;
    std::string load;   // "loaded", "not-found", ...
    std::string active; // "active", "inactive", "activating", "failed", ...
    std::string sub;    // "running", "auto-restart", ...
    std::string result; // of the last run: "success", "exit-code", ...
    std::string restarts;
};

// Of what `systemctl show --property=...` prints: KEY=VALUE lines, an empty line between units.
std::vector<UnitState> unit_states(std::string_view shown);

// What is wrong, a line for each, with what to type. A unit that was restarted between two looks
// does not run, even if it seems to at this moment. Both looks name the same units, in the same
// order.
std::vector<std::string> unit_problems(const std::vector<UnitState>& before,
                                       const std::vector<UnitState>& now);

// Looks twice, two seconds apart. Returns the exit status: 0 if all run.
int check_units();

} // namespace bootview
