// Answers whoever connects with the metrics, over HTTP: to be asked by Prometheus, or by curl.
//
// It listens on a Unix socket or on a loopback port, never on the network: the numbers say who
// boots when. There are few connections, and a new one pushes out the oldest, so nobody can hold it
// up.
#pragma once

#include "common/descriptor.h"

#include <deque>
#include <functional>
#include <string>

namespace bootview::tftp {

class MetricsServer {
public:
    // `where`: "/path/of/a/socket", or "PORT" of 127.0.0.1. `text` makes what is answered.
    // Throws StartError.
    MetricsServer(const std::string& where, std::function<std::string()> text);
    MetricsServer(const MetricsServer&) = delete;
    MetricsServer& operator=(const MetricsServer&) = delete;
    ~MetricsServer();

    int fd() const { return epoll_.get(); } // readable: call serve()
    void serve();
    const std::string& address() const { return address_; } // with the port that was chosen for 0

private:
    void accept_one();
    void answer(int connection);

    std::function<std::string()> text_;
    std::string path_; // of the Unix socket, to be removed
    std::string address_;
    Descriptor listener_;
    Descriptor epoll_;
    std::deque<Descriptor> connections_; // the oldest first
};

} // namespace bootview::tftp
