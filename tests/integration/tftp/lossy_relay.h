// A bad network between one client and a server: drops, doubles and reorders packets, by a seeded
// generator.
#pragma once

#include "common/descriptor.h"
#include "tftp-bridge/tftp/endpoint.h"

#include <atomic>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <thread>

namespace bootview::tftp {

struct Badness {
    unsigned drop_percent = 0;
    unsigned double_percent = 0;
    unsigned reorder_percent = 0;
};

class LossyRelay {
public:
    LossyRelay(std::uint16_t server_port, const Badness& badness, unsigned seed);
    LossyRelay(const LossyRelay&) = delete;
    LossyRelay& operator=(const LossyRelay&) = delete;
    ~LossyRelay();

    std::uint16_t port() const { return port_; }
    unsigned disturbed() const { return disturbed_; }

private:
    struct Direction {
        std::optional<std::string> held; // a packet that lets the next one pass
    };

    void work();
    void relay(Direction& direction, int from_fd, int to_fd, std::optional<Endpoint>& from,
               const std::optional<Endpoint>& to);
    bool happens(unsigned percent);

    std::uint16_t port_ = 0;
    Descriptor client_side_;
    Descriptor server_side_;
    std::optional<Endpoint> client_;
    std::optional<Endpoint> server_; // its port for requests first, then that of the transfer
    Direction to_server_;
    Direction to_client_;
    const Badness badness_;
    std::mt19937 random_;
    bool first_packet_ = true;
    std::atomic<unsigned> disturbed_ = 0;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

} // namespace bootview::tftp
