// The ports to serve on: free, or taken, and by whom.
#pragma once

#include "bootview/doctor/finding.h"
#include "bootview/endpoint.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace bootview::doctor {

struct PortQuestion {
    Address listen;
    std::uint16_t nbd_port = 0;
    std::uint16_t tftp_port = 0;
    bool tftp_port_is_chosen = false; // by the user; otherwise `serve` takes another one
    bool dhcp_proxy = false;
    std::string source;     // what is to be served; empty: whatever is
    bool installed = false; // by the units of the packages
};

// The ports of --dhcp-proxy, and who else answers DHCP requests on this machine. Two programs can
// have its ports, both bound with SO_REUSEADDR, and the system says nothing to either. Part of
// check_ports().
void check_dhcp_neighbours(const PortQuestion& question, Findings& findings);

// "dnsmasq (process 123)", if somebody besides us has the port of DHCP servers; otherwise empty.
std::string dhcp_server_here(const PortQuestion& question);

void check_ports(const PortQuestion& question, Findings& findings);

// The line that ends a process for good: by its unit, or by the bootview that would start it again.
std::string stop_line(pid_t process);

// "smbd.service", of the text of /proc/PID/cgroup; empty for a process of none.
std::string service_of_cgroup(std::string_view text);

} // namespace bootview::doctor
