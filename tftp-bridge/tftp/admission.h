// How many transfers may run, in all and for each client (by its address), and whether an address
// has ever answered. Pure.
//
// The source address of a UDP packet can be forged, and what is sent to it goes to somebody who has
// asked for nothing. So an address from which nothing was acknowledged lately has few transfers at
// a time; one acknowledgement, for which the port of a transfer must be known, and the limit is the
// usual one.
#pragma once

#include "tftp-bridge/tftp/endpoint.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace bootview::tftp {

class Admission {
public:
    using TimePoint = std::chrono::steady_clock::time_point;
    enum class Verdict { free, full, client_full, stranger_full };

    // Transfers at a time of an address that has acknowledged nothing.
    static constexpr std::uint32_t max_of_stranger = 32;
    // How long an address is remembered after it has acknowledged something, and how many are.
    static constexpr std::chrono::minutes remembered_for{10};
    static constexpr std::size_t max_remembered = 4096;
    // How long nobody is answered at an address in whose name transfers were acknowledged blindly.
    static constexpr std::chrono::seconds distrusted_for{10};

    Admission(std::uint32_t max_transfers, std::uint32_t max_per_client)
        : max_transfers_(max_transfers), max_per_client_(max_per_client) {}

    Verdict ask(const Endpoint& client, TimePoint now) const;
    void enter(const Endpoint& client);
    void leave(const Endpoint& client); // has entered before

    // Nobody there has waited for an answer. Of an address that has acknowledged nothing, these
    // count as if their transfers still ran, for a period.
    void refused(const Endpoint& client, TimePoint now);
    // A client at this address has acknowledged something.
    void acknowledged(const Endpoint& client, TimePoint now);
    // Somebody has acknowledged in its name what was never sent.
    void distrust(const Endpoint& client, TimePoint now);
    bool distrusted(const Endpoint& client, TimePoint now) const;

private:
    using Times = std::unordered_map<Endpoint, TimePoint, EndpointHash>; // port 0

    std::uint32_t max_transfers_;
    std::uint32_t max_per_client_;
    std::uint32_t all_ = 0;
    std::unordered_map<Endpoint, std::uint32_t, EndpointHash> by_address_; // port 0
    Times heard_until_;
    Times distrusted_until_;
    static constexpr std::chrono::seconds refusals_period{10};
    std::unordered_map<Endpoint, std::uint32_t, EndpointHash> refusals_; // port 0; in this period
    TimePoint refusals_end_{};
};

} // namespace bootview::tftp
