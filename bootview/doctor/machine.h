// What this machine must have for anything to be served: programs, FUSE, a clock.
#pragma once

#include "bootview/doctor/finding.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::doctor {

struct Machine {
    std::string own_directory; // where bootview is, for its siblings
    std::string search_path;
    bool root = false;
    std::vector<std::string> view_options; // for fuse-fatimg, as after its -o
};

void check_machine(const Machine& machine, Findings& findings);

// "nbdkit 1.32.5 (nbdkit-1.32.5-1)": {1, 32}. Nothing for what is no such line.
std::optional<std::pair<unsigned, unsigned>> parse_nbdkit_version(std::string_view text);

// May users who are not root say allow_other? The text of /etc/fuse.conf.
bool fuse_conf_allows_other(std::string_view text);

// Is it now before something was written that is here already? An hour is forgiven: clocks differ.
void check_clock(std::chrono::system_clock::time_point now,
                 std::chrono::system_clock::time_point written, const std::string& what,
                 Findings& findings);

} // namespace bootview::doctor
