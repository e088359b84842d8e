// bootview monitor: takes in what the parts of a boot server tell (events/event.h), and answers who
// asks how it is.
//
//     the parts ──▶ NAME.events ──▶ model.h ──▶ NAME.status: HTTP on a Unix socket, and on a port
//                                      │          /             a page for people
//                                      │          /client/NAME  and one for each client
//                                      │          /status.json  for bootview status and log
//                                      │          /metrics      for Prometheus
//                                      └──────▶ the journal
//
// `serve` starts one of its own; installed, bootview-monitor.service is it. It may die and come
// back at any time: the parts don't notice, and tell it what goes on at the next occasion.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace bootview::monitor {

struct Options {
    // The sockets are PATH.events and PATH.status.
    std::string socket;
    std::string status_page;  // "PORT" or "ADDRESS:PORT"; empty: only the Unix socket
    std::string tftp_metrics; // socket of tftp-bridge's own numbers, to be added; may be empty
};

// Runs until SIGINT or SIGTERM. Returns the exit status; throws Failure.
int run(const Options& options);

} // namespace bootview::monitor
