// What has to be looked up in a machine's root before it can be told what to boot. The locator
// asks, from what it knows; the answer is in the file system, which may keep waiting whoever looks:
// a root is often a FUSE mount. So a question is a value, that any thread can answer.
#pragma once

#include "tftp-bridge/dhcp/answer.h"

#include <compare>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::clients {

struct BootQuestion {
    std::string directory;              // the machine's root,
    std::vector<std::string> own_names; // or the first of these in it that is a directory
    dhcp::Architecture architecture = dhcp::Architecture::bios;
    dhcp::BootClass boot_class = dhcp::BootClass::bios;
    bool fold_case = false;
    dhcp::BootFiles known; // what is set by configuration, and need not be looked for
    auto operator<=>(const BootQuestion&) const = default;
};

// May wait as long as the file system likes. Thread-safe.
dhcp::BootFiles look_up(const BootQuestion& question);

// What a Raspberry Pi puts in front of its names by itself: its serial number or its MAC.
bool looks_like_prefix(std::string_view first);

// Which directories inside are named like that, for all machines at once; nothing if they cannot be
// listed. May wait, too.
std::optional<std::set<std::string>> own_directories(const std::string& directory);

// Which of these names is there? A link may lead to it, but not out of the directory.
struct NameQuestion {
    std::string directory;
    std::vector<std::string> names;
    bool directories = true; // nothing else counts
    auto operator<=>(const NameQuestion&) const = default;
};

// The first that is; empty if none. May wait, too.
std::string first_name(const NameQuestion& question);

bool exists_inside(const std::string& directory, const std::string& name);

} // namespace bootview::clients
