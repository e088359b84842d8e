// What goes on in a boot server, as its parts tell it (events/event.h): who boots, which files are
// on their way, which disks are connected, which images are shown. In memory, and bounded.
//
// The parts know a machine by different things: DHCP by its MAC, TFTP by its address and what can
// be learnt from that, NBD by its address alone. Here these become one Client.
#pragma once

#include "bootview/monitor/client.h"
#include "events/event.h"

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bootview::monitor {

inline constexpr std::size_t most_clients = 1000;
inline constexpr std::size_t most_entries = 300; // of one client

// What was done with one export since the monitor began, by connections that are open or were.
struct Export {
    std::string name;
    std::string image;
    std::uint64_t read_bytes = 0;
    std::uint64_t written_bytes = 0;
    std::uint64_t flushes = 0;
    double flush_seconds = 0;
    unsigned clients = 0; // now

    void add(const events::Session& session);
};

// Not thread-safe. `now` never goes back by much: it is the machine's clock.
class Model {
public:
    using OnEntry = std::function<void(const Client& client, const Entry& entry)>;
    // Called with each entry of a timeline, but for files that were refused, of which there are
    // many in each boot.
    void on_entry(OnEntry callback) { on_entry_ = std::move(callback); }

    void take(std::uint64_t part, const events::Event& event, Time now);
    // A part has ended: what it told to be going on does so no more.
    void gone(std::uint64_t part, Time now);

    struct RunningTransfer {
        events::Transfer transfer;
        Time since;
        std::string client; // key
    };
    struct OpenSession {
        events::Session session;
        Time since;
        std::string client;
    };

    // The one that was heard last first.
    const std::list<Client>& clients() const { return clients_; }
    const Client* find(std::string_view text) const;
    std::vector<RunningTransfer> transfers() const;
    std::vector<OpenSession> sessions() const;
    std::vector<Export> exports() const;
    std::vector<events::View> views() const;
    std::uint64_t boots() const { return boots_; }

private:
    struct Known { // what an event tells of a client
        std::string mac = {};
        std::string address = {};
        std::string serial = {};
        std::string name = {};
    };
    using Id = std::pair<std::uint64_t, std::uint64_t>; // part, its number
    template<typename T>
    struct Ongoing {
        T event;
        Time since;
        std::list<Client>::iterator client;
        // Of connections of the same client to the same disk that were closed before this one.
        std::uint64_t read_before = 0;
        std::uint64_t written_before = 0;
        // The machine boots anew: it was switched off or reset, and its connection is just not
        // known to be dead yet.
        bool left = false;
    };
    using ClientPlace = std::list<Client>::iterator;

    void on(std::uint64_t part, const events::Offer& offer, Time now);
    void on(std::uint64_t part, const events::Transfer& transfer, Time now);
    void on(std::uint64_t part, const events::Session& session, Time now);
    void on(std::uint64_t part, const events::View& view, Time now);

    ClientPlace client_of(const Known& known, Time now);
    ClientPlace search(const Known& known);
    void merge(ClientPlace into, ClientPlace other);
    void make_room();
    bool is_busy(ClientPlace client) const;
    void begins_to_boot(Client& client, Time now);
    void count_boot(Client& client);
    void add(Client& client, Entry entry);
    void add_refused(Client& client, const std::string& what, const std::string& why, Time now);
    void end(const Ongoing<events::Session>& ongoing, const std::string& outcome, Time now);
    void note_end(const Ongoing<events::Session>& ongoing, const std::string& outcome, Time now);
    bool has_disk(ClientPlace client) const;
    static bool are_beside(const Ongoing<events::Session>& one,
                           const Ongoing<events::Session>& other);
    bool has_written_before(const Ongoing<events::Session>& ongoing) const;
    Ongoing<events::Session>* another(const Ongoing<events::Session>& ongoing);

    OnEntry on_entry_;
    std::list<Client> clients_;
    std::map<Id, Ongoing<events::Transfer>> transfers_;
    std::map<Id, Ongoing<events::Session>> sessions_;
    std::map<std::pair<std::string, std::string>, Export> ended_;         // by export and image
    std::map<std::pair<std::uint64_t, std::string>, events::View> views_; // by part and image
    std::uint64_t boots_ = 0;
};

} // namespace bootview::monitor
