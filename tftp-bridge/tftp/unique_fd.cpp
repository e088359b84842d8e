#include "unique_fd.h"

#include <cerrno>

namespace bootview::tftp {

void UniqueFd::reset() {
    if (fd_ < 0)
        return;
    const int saved = errno;
    close(fd_);
    errno = saved;
    fd_ = -1;
}

} // namespace bootview::tftp
