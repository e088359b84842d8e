// A wire that takes its time, between this network namespace and one of its own.
//
// Two TUN devices and a thread that carries packets from one to the other, each after the same
// delay, in order, losing none. (The kernel's netem does this too, where it is compiled in.) The
// thread costs CPU, some microseconds a packet, so what is measured over the wire is to be compared
// with nothing but what was measured over it too.
#pragma once

#include "common/descriptor.h"

#include <array>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

namespace bootview::test {

class DelayedWire {
public:
    // Needs CAP_NET_ADMIN. Throws std::runtime_error.
    explicit DelayedWire(std::chrono::microseconds each_way);
    DelayedWire(const DelayedWire&) = delete;
    DelayedWire& operator=(const DelayedWire&) = delete;
    ~DelayedWire();

    static constexpr unsigned near_addresses = 9;
    // At the near end, in this namespace: 1 to near_addresses.
    static std::string near_address(unsigned number);
    static std::string far_address();

    // Sockets that `action` makes are at the far end.
    void from_far_end(const std::function<void()>& action) const;

private:
    void carry(std::chrono::microseconds delay);

    Descriptor near_namespace_, far_namespace_;
    std::array<Descriptor, 2> ends_;
    Descriptor stop_; // an eventfd
    std::thread carrier_;
};

} // namespace bootview::test
