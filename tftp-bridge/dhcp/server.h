// The proxyDHCP server: tells machines that boot from the network where their boot program is, next
// to the DHCP server that gives them their addresses, whatever that is and wherever it runs. What
// is answered is decided in answer.h, which is pure; here are sockets, interfaces and time.
//
// On each interface it hears the broadcasts to port 67, and on all of them port 4011, where UEFI
// firmware asks again (port.h). Interfaces and addresses may come and go (interfaces.h). It keeps
// no state about clients; what is learnt of them goes to whoever made it.
//
// It has no loop of its own: when fd() is readable, handle() does what there is to do and returns.
#pragma once

#include "common/descriptor.h"
#include "tftp-bridge/dhcp/answer.h"
#include "tftp-bridge/dhcp/interfaces.h"
#include "tftp-bridge/dhcp/line_limit.h"
#include "tftp-bridge/dhcp/port.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bootview::dhcp {

struct ServerSettings {
    std::vector<std::string> interfaces; // empty: all that can broadcast and have an address
    bool port_67 = true; // false: the DHCP server itself says "PXEClient", and we are asked on 4011
    bool relays = false; // take what relay agents send to our addresses
    AnswerSettings answers;
};

// What the server needs of, and has for, whoever knows the machines. All but `offered` must be set.
struct Machines {
    // Calls `then` when that is known, in the thread that calls handle().
    std::function<void(const Machine& machine, std::function<void(const BootFiles&)> then)>
        find_boot_files;
    // The same, if it is known now.
    std::function<std::optional<BootFiles>(const Machine& machine)> known_boot_files;
    std::function<void(const Machine& machine)> learn;
    std::function<void(const Mac& mac, Ipv4 address)> learn_address;
    std::function<std::string(const Mac& mac)> describe; // for the log
    // A machine is told what to load, in words.
    std::function<void(const Machine& machine, const std::string& interface,
                       const std::string& what)>
        offered = {};
};

// Sockets from the service manager; with any in `port_67` we open none there.
struct InheritedPorts {
    std::vector<Descriptor> port_67;
    std::vector<Descriptor> port_4011;
};

struct Counters {
    std::uint64_t received = 0;
    std::uint64_t answered = 0;
    std::uint64_t not_sent = 0;                         // answers the network did not take
    std::array<std::uint64_t, silence_count> ignored{}; // by Silence
};

// Not thread-safe.
class Server {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    // Throws StartError when a port cannot be had.
    Server(ServerSettings settings, Machines machines, InheritedPorts inherited = {});
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    int fd() const { return epoll_.get(); }
    void handle(TimePoint now);
    const Counters& counters() const { return counters_; }
    std::string describe() const; // "eth0, eth1", for the log

private:
    struct Delayed {
        Reply reply;
        int port; // the descriptor it goes out by
        int interface;
        Ipv4 local;
    };

    struct Question {
        std::vector<std::uint8_t> datagram;
        Arrival arrival;
        int port;
        int interface;
    };

    bool is_wanted(const Interface& interface) const;
    void refresh_interfaces(bool at_start);
    void open_ports_of(const Interface& interface, bool at_start);
    void add(Port port);
    const Interface* interface_of(int index) const;
    const Port* port_of(int fd, int interface) const;

    void on_port(const Port& port, TimePoint now);
    void on_request(const Port& port, const Received& received, TimePoint now);
    // A message, and the machine that it is of.
    struct Asked {
        const Message& message;
        const std::optional<Machine>& machine;
    };
    void perform(const Port& port, int interface, Ipv4 local, const Asked& asked, Answer answered,
                 TimePoint now);
    void wait_for_boot_files(Question question, const Machine& machine, TimePoint now);
    void learn_from(const Asked& asked, std::uint16_t port);
    void send(const Port& port, const Reply& reply, int interface, Ipv4 local);
    void send_delayed(TimePoint now);
    void arm_timer(TimePoint now);
    void log_ignored(const Ignored& ignored, const Message& message, int interface, TimePoint now);
    void log_answered(const Reply& reply, const Asked& asked, int interface, TimePoint now);

    const ServerSettings settings_;
    const Machines machines_;
    const bool has_inherited_67_;
    Descriptor epoll_;
    Descriptor timer_;
    InterfaceWatch watch_;
    std::vector<Interface> interfaces_; // the wanted ones
    std::map<int, Port> ports_;         // by descriptor
    std::multimap<TimePoint, Delayed> delayed_;
    // Those whose answer is being looked up, by machine and our port: of one that asks again, only
    // what it asked last.
    std::map<std::string, Question> waiting_;
    std::array<std::uint8_t, max_message_bytes + 1> buffer_;
    LineLimit lines_;
    Counters counters_;
};

} // namespace bootview::dhcp
