// How many transfers may run, in all and for each client (by its address). Pure.
#pragma once

#include "tftp-bridge/tftp/endpoint.h"

#include <cstdint>
#include <unordered_map>

namespace bootview::tftp {

class Admission {
public:
    enum class Verdict { free, full, client_full };

    Admission(std::uint32_t most, std::uint32_t most_per_client)
        : most_(most), most_per_client_(most_per_client) {}

    Verdict ask(const Endpoint& client) const;
    void enter(const Endpoint& client);
    void leave(const Endpoint& client); // has entered before

private:
    std::uint32_t most_;
    std::uint32_t most_per_client_;
    std::uint32_t all_ = 0;
    std::unordered_map<Endpoint, std::uint32_t, EndpointHash> by_address_; // port 0
};

} // namespace bootview::tftp
