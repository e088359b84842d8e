#include "tftp-bridge/dhcp/line_limit.h"

#include <utility>

namespace bootview::dhcp {

bool LineLimit::allows(const std::string& key, TimePoint now) {
    const auto known = written_.find(key);
    if (known != written_.end() && now - known->second < same_again)
        return false;
    if (now - period_began_ >= period) {
        period_began_ = now;
        lines_ = 0;
    }
    if (lines_ >= lines_per_period) {
        ++kept_back_;
        return false;
    }
    ++lines_;
    if (written_.size() >= most_keys)
        written_.clear();
    written_[key] = now;
    return true;
}

std::uint64_t LineLimit::take_kept_back(TimePoint now) {
    if (now - period_began_ < period)
        return 0;
    return std::exchange(kept_back_, 0);
}

} // namespace bootview::dhcp
