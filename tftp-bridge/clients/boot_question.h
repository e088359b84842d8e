// What has to be looked up in a machine's root before it can be told what to boot. The locator
// asks, from what it knows; the answer is in the file system, which may keep waiting whoever looks:
// a root is often a FUSE mount. So a question is a value, that any thread can answer.
#pragma once

#include "common/board_name.h"
#include "tftp-bridge/dhcp/answer.h"

#include <compare>
#include <map>
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
    std::string loaded_before; // of iPXE: what this machine was offered just before it was iPXE
    dhcp::BootFiles known;     // what is set by configuration, and need not be looked for
    auto operator<=>(const BootQuestion&) const = default;
};

// May wait as long as the file system likes. Thread-safe.
dhcp::BootFiles look_up(const BootQuestion& question);

// What a Raspberry Pi puts in front of its names by itself: its serial number or its MAC.
bool looks_like_prefix(std::string_view first);

// The directories inside a root that are named after machines, however that is spelt
// (common/board_name.h).
class OwnDirectories {
public:
    void add(std::string name); // left out if it names no machine
    // The directory that one of these names means, the first that means any; empty: there is none.
    // Of several the one that is spelt alike, or alike but for case, or the first in order.
    std::string find(const std::vector<std::string>& names) const;

private:
    std::map<BoardName, std::set<std::string>> by_board_;
};

// Those of all machines at once; nothing if they cannot be listed. May wait, too.
std::optional<OwnDirectories> own_directories(const std::string& directory);

// Which of these names is there? A link may lead to it, but not out of the directory.
struct NameQuestion {
    std::string directory;
    std::vector<std::string> names;
    // These name machines: a directory is asked for, and spelt otherwise it will do, too.
    bool directories = true;
    auto operator<=>(const NameQuestion&) const = default;
};

// The first that is; empty if none. May wait, too.
std::string first_name(const NameQuestion& question);

bool exists_inside(const std::string& directory, const std::string& name);

} // namespace bootview::clients
