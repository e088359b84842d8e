#include "bootview/config/command.h"

#include "bootview/config/bridge_file.h"
#include "bootview/config/check.h"
#include "bootview/config/config.h"
#include "bootview/config/import.h"
#include "bootview/config/units.h"
#include "bootview/paths.h"
#include "bootview/preflight.h"
#include "bootview/private_file.h"

#include <cstdio>

#include <fmt/format.h>

namespace bootview::config {

namespace {

void print_lines(const Problems& lines) {
    for (const auto& line : lines)
        fmt::print(stderr, "{}\n", line);
}

// One that can be handed on: only then it is worth asking what the values mean.
Config load_for_bridge(const std::string& file, Problems& problems) {
    auto config = load(file, problems);
    check_for_bridge(config, bridge_program(), problems);
    return config;
}

} // namespace

std::string bridge_program() {
    return preflight::check_sibling("tftp-bridge", own_directory(), search_path_of_environment());
}

int check(const std::string& file) {
    Problems problems;
    const auto config = load_for_bridge(file, problems);
    check_places(config, problems);
    check_interfaces(config, problems);
    auto warnings = not_for_units(config);
    if (problems.empty())
        check_access(config, problems, warnings);
    print_lines(problems);
    print_lines(warnings);
    if (!problems.empty())
        return 1;
    fmt::print("{}", describe(config));
    return 0;
}

int import(const std::vector<std::string>& words) {
    fmt::print("{}", import_text(read_servers(words)));
    return 0;
}

int write_for_units(const std::string& directory, const std::string& view,
                    const std::string& file) {
    Problems problems;
    const auto config = load_for_bridge(file, problems);
    if (!problems.empty()) {
        problems.push_back(
            fmt::format("{}: the old settings stay; see bootview config check", config.file));
        print_lines(problems);
        return 1;
    }
    print_lines(not_for_units(config));
    // Written by root, read by the users of the units.
    constexpr mode_t for_all = 0644;
    replace_file(directory + "/environment", unit_environment(config), for_all);
    replace_file(directory + "/tftp-bridge.toml",
                 whole_bridge_text(config, view.empty() ? directory + "/boot" : view), for_all);
    return 0;
}

} // namespace bootview::config
