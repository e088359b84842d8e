#include "initramfs-hooks/nbd-attach/resident.h"

#include "text.h"

#include <csignal>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace bootview::nbd {

void Log::open_kernel_log() {
    kernel_log_ = Descriptor(open("/dev/kmsg", O_WRONLY | O_CLOEXEC));
}

void Log::say(std::string_view text) const {
    Text line;
    // <4>: a warning, on the daemon's behalf. One write is one line of the log.
    if (in_background_)
        line << "<28>";
    line << "bootview-nbd-attach: " << text << "\n";
    const int to = in_background_ ? kernel_log_.get() : STDERR_FILENO;
    if (to >= 0 && write(to, line.view().data(), line.view().size()) < 0)
        return; // there is nobody left to tell
}

void keep_in_memory() {
#ifdef PR_SET_IO_FLUSHER // Linux 5.6
    prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
#endif
    mlockall(MCL_CURRENT | MCL_FUTURE);
    const Descriptor score(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    constexpr std::string_view never = "-1000";
    // Without /proc it can't be had, and the device works all the same.
    if (score && write(score.get(), never.data(), never.size()) < 0)
        return;
}

void outlive_shutdown(char** argv) {
    argv[0][0] = '@';
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT, SIGUSR1, SIGUSR2})
        signal(number, SIG_IGN);
}

bool go_to_background() {
    const pid_t child = fork();
    if (child < 0)
        return false;
    if (child > 0)
        _exit(0);
    setsid();
    const Descriptor nothing(open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (nothing)
            dup2(nothing.get(), standard);
        else
            close(standard);
    }
    return true;
}

} // namespace bootview::nbd
