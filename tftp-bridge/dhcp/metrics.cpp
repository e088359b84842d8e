#include "tftp-bridge/dhcp/metrics.h"

#include <fmt/format.h>

#include <iterator>

namespace bootview::dhcp {

std::string to_text(const Counters& counters) {
    auto text = fmt::format("# HELP bootview_dhcp_requests_total DHCP requests, by verdict.\n"
                            "# TYPE bootview_dhcp_requests_total counter\n"
                            "bootview_dhcp_requests_total{{verdict=\"answered\"}} {}\n"
                            "bootview_dhcp_requests_total{{verdict=\"not-sent\"}} {}\n",
                            counters.answered, counters.not_sent);
    for (std::size_t i = 0; i < silence_count; ++i)
        fmt::format_to(std::back_inserter(text),
                       "bootview_dhcp_requests_total{{verdict=\"{}\"}} {}\n",
                       to_string(static_cast<Silence>(i)), counters.ignored[i]);
    return text;
}

} // namespace bootview::dhcp
