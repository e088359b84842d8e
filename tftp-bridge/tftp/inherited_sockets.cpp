#include "tftp-bridge/tftp/inherited_sockets.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>

namespace bootview::tftp {
namespace {

constexpr int first_inherited = 3; // SD_LISTEN_FDS_START

} // namespace

std::vector<Descriptor> inherited_sockets(const std::string& name) {
    std::vector<Descriptor> result;
    const char* pid = std::getenv("LISTEN_PID");
    const char* count = std::getenv("LISTEN_FDS");
    if (!pid || !count || std::atol(pid) != getpid())
        return result; // meant for another process, which has started us
    const char* names = std::getenv("LISTEN_FDNAMES");
    std::istringstream list(names ? names : "");
    for (int fd = first_inherited; fd < first_inherited + std::atoi(count); ++fd) {
        std::string its_name;
        std::getline(list, its_name, ':');
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
            continue; // there is none
        if (!names || its_name.starts_with(name))
            result.emplace_back(fd);
    }
    return result;
}

} // namespace bootview::tftp
