// For which kernels the root file system inside an image has modules. Read by debugfs(8), which
// takes an image and an offset, and needs neither root nor a mount.
#pragma once

#include "bootview/doctor/image.h"

#include <set>
#include <string>

namespace bootview::doctor {

enum class RootState {
    listed,
    not_readable,      // no ext2, 3 or 4; not named by its number; encrypted
    no_such_partition, // root= names one that is not there
    no_program,        // debugfs is not installed
};

struct RootModules {
    RootState state = RootState::not_readable;
    std::set<std::string> kernels;
};

// `root`: the value of root=, "/dev/nbd0p2".
RootModules modules_on_root(const OpenImage& image, const std::string& root);

// The names in what `debugfs -R "ls -p DIRECTORY"` prints: "/12/040755/0/0/bin//" is "bin".
std::set<std::string> names_in_listing(const std::string& listing);

} // namespace bootview::doctor
