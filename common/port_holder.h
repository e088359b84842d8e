// Who has a port, as far as /proc tells this user.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bootview {

enum class Transport { tcp, udp };

struct PortHolder {
    pid_t pid = 0;
    std::string name;                   // as in ps: "nbdkit"
    std::vector<std::string> arguments; // its command line
};

std::optional<PortHolder> find_port_holder(std::uint16_t port, Transport transport);

// All who have it: SO_REUSEADDR lets several programs bind one UDP port, and tells none of them.
struct PortHolders {
    std::vector<PortHolder> known;
    bool others = false; // there are sockets of processes that this user may not look into
};
PortHolders find_port_holders(std::uint16_t port, Transport transport);

// The inodes of the sockets on local `port` in the text of /proc/net/tcp, tcp6, udp or udp6;
// of TCP sockets only those that listen.
std::vector<std::uint64_t> sockets_on_port(std::string_view table, std::uint16_t port,
                                           Transport transport);

} // namespace bootview
