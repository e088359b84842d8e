// Where the programs are that `serve` ties together. A build tree is complete in itself; an
// installed bootview finds its siblings beside it, in ../sbin, and then as the shell would.
#pragma once

#include <optional>
#include <string>

namespace bootview {

// The directory of the running bootview.
std::string own_directory();

// `name` as an executable file in one of the directories of `search_path` ("/usr/bin:/bin") and the
// system's sbin directories, which are not in every user's $PATH.
std::optional<std::string> find_in_path(const std::string& name, const std::string& search_path);

// A program of this project: BUILD/name/name, then beside `own`, ../sbin, ../bin, `search_path`.
std::optional<std::string> find_sibling(const std::string& name, const std::string& own,
                                        const std::string& search_path);

// What to call the plugin on nbdkit's command line: its path in a build tree or below another
// prefix, otherwise "bootview", which nbdkit looks up in its own plugin directory.
std::string plugin_argument(const std::string& own);

std::string search_path_of_environment();

} // namespace bootview
