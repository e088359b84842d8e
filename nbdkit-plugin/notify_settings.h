// Where subscribers of a change ring connect, and who may: parameters of the plugin and the filter.
#pragma once

#include "change-ring/server.h"

#include <string>

namespace bootview::plugin {

struct NotifySettings {
    std::string path; // as given, absolute; or "none"; empty: not given
    ring::Access access;

    // Takes one key=value. False: the key is none of notify, notify-mode, notify-group. Throws
    // std::invalid_argument with a message for the user.
    bool set(const std::string& key, const std::string& value);
};

// nbdkit changes to / before it serves. Both throw std::invalid_argument.
std::string absolute(const std::string& path);
// Like absolute(), but the last component need not exist, and a symbolic link in its place stays
// one: an image is looked up anew for every client, so that it can be replaced.
std::string absolute_parent(const std::string& path);

} // namespace bootview::plugin
