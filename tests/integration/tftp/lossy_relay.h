// A bad network between one client and a server: drops, doubles, reorders and delays packets, by a
// seeded generator.
//
// It also damages some on their way to the server: cuts them short, or spoils their opcode. A real
// network's damage is caught by UDP's checksum and comes to a loss; what is left is what broken or
// hostile clients send, and a server has to survive that. An ACK whose number is wrong, or a DATA
// whose bytes are, would be a lie that nothing in TFTP can tell: those are not made.
#pragma once

#include "common/descriptor.h"
#include "tftp-bridge/tftp/endpoint.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <thread>

namespace bootview::tftp {

struct Badness {
    unsigned drop_percent = 0;
    unsigned double_percent = 0;
    unsigned reorder_percent = 0;
    unsigned delay_percent = 0; // by 15 ms
    unsigned damage_percent = 0;
};

class LossyRelay {
public:
    LossyRelay(std::uint16_t server_port, const Badness& badness, unsigned seed);
    LossyRelay(const LossyRelay&) = delete;
    LossyRelay& operator=(const LossyRelay&) = delete;
    ~LossyRelay();

    std::uint16_t port() const { return port_; }
    unsigned disturbed() const { return disturbed_; }
    // Packets, as they crossed the relay: what came from the server, and what went to it.
    unsigned from_server() const { return from_server_; }
    unsigned to_server() const { return to_server_count_; }

private:
    struct Direction {
        std::optional<std::string> held; // a packet that lets the next one pass
    };

    struct Delayed {
        std::chrono::steady_clock::time_point until;
        bool to_server;
        std::string datagram;
    };

    void work();
    void pass_on(bool to_server, const std::string& datagram);
    void release_delayed();
    std::string damaged(std::string datagram);
    void relay(bool to_server);
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
    std::deque<Delayed> delayed_;
    std::atomic<unsigned> disturbed_ = 0;
    std::atomic<unsigned> from_server_ = 0;
    std::atomic<unsigned> to_server_count_ = 0;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

} // namespace bootview::tftp
