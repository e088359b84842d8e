// bootview serve IMAGE|DIR: a whole boot server in the foreground, without configuration.
//
//     nbdkit + bootview plugin   the image, for the clients' roots        "nbd"
//     fuse-fatimg                its boot partition as files              "view"
//     tftp-bridge                those files, for the clients' firmware   "tftp"
//
// serve checks what it can before it starts anything (preflight.h), starts the three in this order
// (supervisor.h), beside a monitor that they tell what they do (monitor/monitor.h), and takes
// everything away again at the end: processes, the mount, the directory it made for it. It holds no
// state of its own: the parts find each other by themselves, through the image (change ring) and
// the mount point, so any of them may die and come back while the others work on. The NBD port
// belongs to serve, which hands the listening socket to each nbdkit it starts; clients that connect
// in between wait instead of being refused.
//
// With an NBD URI for its source, somebody else's server is the first of the three: it is neither
// started nor stopped.
//
// If serve itself is killed, the kernel ends its children (PR_SET_PDEATHSIG). nbdkit is ended by
// SIGKILL, then and always: on SIGTERM it would wait for its clients to go, which are machines that
// live on it, and meanwhile refuse their writes. Every write it has confirmed is in the page cache
// already. (Its plugin sees to it that the signal is the right one, see there.)
#pragma once

#include "bootview/config/config.h"
#include "bootview/endpoint.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bootview {

struct ServeOptions {
    std::string source;                     // an image, a block device, or a directory of images;
                                            // or the NBD URI of a server that runs already
    Address listen;                         // every address by default
    std::optional<std::uint16_t> nbd_port;  // 10809; 0 takes a free one
    std::optional<std::uint16_t> tftp_port; // 69, or 6969 where that is not allowed; 0: a free one
    bool dhcp_proxy = false;                // tell firmware what to load, next to any DHCP server
    bool adopt = false;                     // also PCs that nobody has named
    std::vector<std::string> interfaces;    // that clients are on; empty: any
    std::optional<std::string> mount;       // where to show the view; default: a private directory
    std::string status_page;                // "PORT" or "ADDRESS:PORT"; empty: none
    std::optional<std::string> notify;      // where the change rings' sockets lie
    bool shared = false;                    // several clients may write one image
    std::vector<std::string> view_options;  // for fuse-fatimg, as after its -o
    // What else tftp-bridge gets; the options above are taken from it already. On SIGHUP the file
    // is read again, for its clients.
    std::optional<config::Config> config;
};

// Runs until SIGINT or SIGTERM. Returns the exit status; throws Failure.
int serve(const ServeOptions& options);

} // namespace bootview
