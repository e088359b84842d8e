// Where subscribers of a change ring connect, and who may: parameters of the plugin and the filter.
#pragma once

#include "change-ring/server.h"

#include <string>
#include <vector>

namespace bootview::plugin {

struct NotifySettings {
    std::string path; // as given, absolute; or "none"; empty: not given
    ring::Access access;

    // Takes one key=value. False: the key is none of notify, notify-mode, notify-group. Throws
    // std::invalid_argument with a message for the user.
    bool set(const std::string& key, const std::string& value);
};

// Whether nbdkit was started with -r, which it tells a plugin only when a client comes. `arguments`
// are those of its command line, its own name first. Pure.
bool is_read_only(const std::vector<std::string>& arguments);
// The same of this process; false where there is no /proc.
bool was_started_read_only();

// nbdkit changes to / before it serves. Both throw std::invalid_argument.
std::string absolute(const std::string& path);
// Like absolute(), but the last component need not exist, and a symbolic link in its place stays
// one: an image is looked up anew for every client, so that it can be replaced.
std::string absolute_parent(const std::string& path);

} // namespace bootview::plugin
