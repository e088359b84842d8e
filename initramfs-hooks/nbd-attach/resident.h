// What it takes to be the process that a root hangs on.
#pragma once

#include "common/descriptor.h"

#include <string_view>

namespace bootview::nbd {

// Where messages go: to stderr, and in the background to the kernel's log.
class Log {
public:
    // Opened early: after switch_root there is no /dev to be seen from here.
    void open_kernel_log();
    void to_kernel_log() { in_background_ = true; }
    void say(std::string_view text) const;

private:
    Descriptor kernel_log_;
    bool in_background_ = false;
};

// The kernel is told that block devices wait for this process, which may therefore not wait for
// them; and none of its pages may go to a disk, nor it be killed for want of memory.
void keep_in_memory();
// systemd (and those who do as it does) spares at shutdown what calls itself @...; SIGTERM and the
// like are ignored. https://systemd.io/ROOT_STORAGE_DAEMONS
void outlive_shutdown(char** argv);
// The rest is a child's; the parent ends with 0. False: no child could be had.
bool go_to_background();

} // namespace bootview::nbd
