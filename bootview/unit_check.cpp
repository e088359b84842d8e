#include "bootview/unit_check.h"

#include "bootview/failure.h"
#include "bootview/run_command.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace bootview {

namespace {

constexpr std::string_view target = "bootview.target";
// It is started by the first client.
constexpr std::string_view on_demand = "bootview-nbd.service";

std::vector<UnitState> look() {
    const auto shown = run_command(
        {"systemctl", "show", "--property=Id,LoadState,ActiveState,SubState,Result,NRestarts",
         std::string(target), "bootview-monitor.service", "bootview-nbd.socket",
         std::string(on_demand), "bootview-boot.service", "tftp-bridge.service"});
    auto states = unit_states(shown.output);
    if (shown.status != 0 || states.empty())
        throw Failure(fmt::format("systemctl does not answer: {}; without systemd, \"bootview "
                                  "status\" says what \"bootview serve\" does",
                                  shown.errors.empty() ? "it could not be run" : shown.errors));
    return states;
}

std::string* field(UnitState& unit, std::string_view key) {
    if (key == "Id")
        return &unit.name;
    if (key == "LoadState")
        return &unit.load;
    if (key == "ActiveState")
        return &unit.active;
    if (key == "SubState")
        return &unit.sub;
    if (key == "Result")
        return &unit.result;
    return key == "NRestarts" ? &unit.restarts : nullptr;
}

std::string problem_of(const UnitState& before, const UnitState& now) {
    if (now.load == "not-found")
        return fmt::format("{} is not installed: apt install bootview", now.name);
    if (now.name == target)
        return now.active == "active"
                   ? ""
                   : fmt::format("{0} is {1}: systemctl start {0}", target, now.active);
    const bool rests = now.name == on_demand && now.active == "inactive";
    const bool runs = now.active == "active" && now.restarts == before.restarts;
    if (rests || runs)
        return "";
    if (now.active == "inactive")
        return fmt::format("{0} does not run: systemctl start {0}", now.name);
    return fmt::format("{} does not run ({}, {}), and its log says why: journalctl -n 20 -u {}",
                       now.name, now.active == "active" ? "restarted just now" : now.sub,
                       now.result, now.name);
}

} // namespace

std::vector<UnitState> unit_states(std::string_view shown) {
    std::vector<UnitState> units;
    bool is_new = true;
    while (!shown.empty()) {
        const auto line = shown.substr(0, shown.find('\n'));
        shown.remove_prefix(std::min(shown.size(), line.size() + 1));
        const auto equals = line.find('=');
        if (equals == std::string_view::npos) {
            is_new = true;
            continue;
        }
        if (std::exchange(is_new, false))
            units.emplace_back();
        if (auto* value = field(units.back(), line.substr(0, equals)))
            *value = line.substr(equals + 1);
    }
    return units;
}

std::vector<std::string> unit_problems(const std::vector<UnitState>& before,
                                       const std::vector<UnitState>& now) {
    std::vector<std::string> problems;
    for (std::size_t i = 0; i < now.size(); ++i)
        if (auto problem = problem_of(i < before.size() ? before[i] : now[i], now[i]);
            !problem.empty())
            problems.push_back(std::move(problem));
    return problems;
}

int check_units() {
    const auto before = look();
    std::this_thread::sleep_for(std::chrono::seconds(2)); // a restart comes after one
    const auto problems = unit_problems(before, look());
    for (const auto& problem : problems)
        fmt::print(stderr, "bootview: {}\n", problem);
    if (problems.empty())
        fmt::print("{} and all its parts run\n", target);
    return problems.empty() ? 0 : 1;
}

} // namespace bootview
