// The command line and the -o options of fuse-fatimg.
//
// The -o options carry the names that Linux's vfat gives them. To add one: a field in Options, a
// line in the table in options.cpp, a paragraph in fuse-fatimg.pod.
#pragma once

#include "fuse-fatimg/fat/timestamp.h"
#include "fuse-fatimg/view/layout.h"

#include <stdexcept>
#include <string>

#include <sys/types.h>

namespace bootview::fuse {

// A mistake on the command line; the message says what to write instead.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Options {
    std::string source;
    std::string mountpoint;
    bool foreground = false;
    bool debug = false;

    view::PartitionChoice partition;
    std::string notify;
    uid_t uid = 0;
    gid_t gid = 0;
    mode_t fmask = 022;
    mode_t dmask = 022;
    bool local_zone = false; // tz=local: the zone of this machine, with its daylight saving time
    fat::ZoneOffset zone = 0;
    std::string codepage = "437"; // of 8.3 names
    bool rodir = false;           // the read-only attribute of directories counts
    bool showexec = false;        // only .EXE, .COM and .BAT are executable
    bool asked_to_write = false;  // -o rw came last
    bool allow_other = false;
    bool allow_root = false;
    bool default_permissions = false;
    bool direct_io = false;
};

// The values for a mount by this process: its user, group and umask, as with vfat.
Options defaults();

// Takes one -o argument: "uid=1000,partition=2". Throws UsageError.
void parse_mount_options(const std::string& list, Options& options);
// What --help says of them.
std::string mount_options_help();

} // namespace bootview::fuse
