// bootview status and bootview log CLIENT: ask the monitors of this machine (monitor/monitor.h), and
// print what they say.
#pragma once

#include <string>

namespace bootview {

struct StatusOptions {
    std::string socket; // as of `bootview monitor`; empty: all monitors that can be found
    bool json = false;
    bool watch = false; // print it again whenever it has changed
};

// Both return the exit status: 0, or 1 when there is nobody to ask, or nothing known of the client.
int print_status(const StatusOptions& options);
int print_log(const StatusOptions& options, const std::string& client);

} // namespace bootview
