#include "fuse-fatimg/log.h"

#include "common/log_output.h"
#include "common/printable.h"

#include <syslog.h>

namespace bootview::log {

namespace {

std::atomic<bool> use_syslog{false};

void put(int priority, const std::string& line) {
    if (use_syslog)
        ::syslog(priority, "%s", printable(line).c_str());
    else
        write_log_line("fuse-fatimg: " + line);
}

} // namespace

void to_syslog() {
    ::openlog("fuse-fatimg", LOG_PID, LOG_DAEMON);
    use_syslog = true;
    release_log_output();
}

void info(const std::string& line) {
    put(LOG_INFO, line);
}
void warning(const std::string& line) {
    put(LOG_WARNING, line);
}

bool RateLimit::allow(std::uint64_t& dropped) {
    const std::int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(
                                 std::chrono::steady_clock::now().time_since_epoch())
                                 .count();
    std::int64_t next = next_ms_.load();
    if (now < next || !next_ms_.compare_exchange_strong(next, now + 1000)) {
        ++dropped_;
        return false;
    }
    dropped = dropped_.exchange(0);
    return true;
}

} // namespace bootview::log
