// Whether the systemd units may use an image: they run as the user "bootview", in a sandbox.
#pragma once

#include "bootview/config/config.h"

#include <string>

namespace bootview::config {

enum class Access { whole, read_only, none };

struct ServiceAccess {
    Access access = Access::whole;
    std::string why; // "the user bootview may not read it; type: ..."
};

// `user`, as whom the units run; if there is none of that name, all is well. Goes by the permission
// bits of the file and of each directory above it, where no access control list says more.
ServiceAccess service_access(const std::string& path, const std::string& user = "bootview");

} // namespace bootview::config
