// What the doctor knows at once, for `serve` to say before it says "ready": an image that can't
// boot, an interface that is not there, another DHCP proxy. No network is asked anything.
#pragma once

#include "bootview/doctor/finding.h"
#include "bootview/doctor/network.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bootview::doctor {

struct StartQuestion {
    std::string source; // an image or a directory; empty: an NBD server's, which is not looked at
    Network network;
    std::uint16_t nbd_port = 0;
    bool adopt = false;
    std::vector<std::string> view_options;
};

// Throws Failure, with the line to show, where fuse-fatimg would refuse all of it.
Findings look_before_start(const StartQuestion& question);

// A line for each finding, and one for what to type, at most `most` of them in all; the last then
// says how many more there are, and how to see them.
std::vector<std::string> start_lines(const Findings& findings, const std::string& source,
                                     std::size_t most);

} // namespace bootview::doctor
