// Who asks, and what is its root: the one place where machines, configuration and directories meet.
// The TFTP server asks it for each request, the DHCP server for each offer.
//
// A machine is known by its address. The neighbour table tells the MAC, DHCP has told the rest
// (known_machines.h), and a Raspberry Pi tells its serial number, its MAC or a string of its own in
// front of each name it asks for (TFTP_PREFIX 0, 2 and 1). Its root is then
//     1. that of its [[client]], if that has one: it sees this directory alone;
//     2. that of the [[client]] whose prefix stands before the name;
//     3. the directory in --root that is named by its serial number or its MAC;
//     4. --root.
// A name may begin with the whole path of that root or of --root: it means the same.
#pragma once

#include "tftp-bridge/clients/boot_question.h"
#include "tftp-bridge/clients/client_record.h"
#include "tftp-bridge/clients/known_machines.h"
#include "tftp-bridge/dhcp/answer.h"
#include "tftp-bridge/tftp/endpoint.h"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace bootview::clients {

// A directory that is a root of its own: no name leads out of it, neither by ".." nor by a link.
struct Place {
    std::string directory;
    std::string name;   // relative to it
    std::string client; // the name of its [[client]], for the log; empty without one
    bool operator==(const Place&) const = default;
};

// For machines without a [[client]] that says otherwise.
struct BootDefaults {
    std::map<dhcp::Architecture, std::string> boot_file;
    std::map<dhcp::Architecture, std::string> http_boot;
    std::string ipxe_script;
};

using FindMac = std::function<std::optional<dhcp::Mac>(const tftp::Endpoint& address)>;

// Not thread-safe.
class Locator {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    // `fold_case`: boot programs are found in either case, as FileRoot does it.
    Locator(std::string root, BootDefaults defaults, FindMac find_mac, bool fold_case = false);

    // After a configuration was read (again). Running transfers keep their open files.
    void set_records(std::vector<ClientRecord> records) { records_ = std::move(records); }

    // `asked` as tftp::clean_name() gives it. If it depends on what lies in the root, the answer is
    // a question: to be asked of somebody who may wait, and to be answered by learn(); then the
    // place can be told, or what else has to be known for it. `now` is the same each time, however
    // long that takes.
    std::variant<Place, NameQuestion> place_for(const tftp::Endpoint& peer,
                                                const std::string& asked, TimePoint now);
    void learn(const NameQuestion& question, std::string answer, TimePoint now);
    BootQuestion question_about(const dhcp::Machine& machine, TimePoint now) const;
    // Has it told by DHCP that it is a Raspberry Pi, or does the name say so?
    bool is_pi(const tftp::Endpoint& peer, std::string_view name, TimePoint now);
    // The name of its [[client]], or its MAC.
    std::string describe(const dhcp::Mac& mac) const;

    Identity identify(const tftp::Endpoint& peer, TimePoint now);
    // With what the name of a file tells that the client asks for: a Raspberry Pi puts its serial
    // number or MAC in front of it. To be shown to people: anyone can ask for anything.
    Identity identify(const tftp::Endpoint& peer, std::string_view file, TimePoint now);
    // The name of its [[client]]; empty without one.
    std::string name_of(const Identity& identity) const;
    // The same, if the prefix before the file's name is all that there is to know it by.
    std::string name_of(const Identity& identity, std::string_view file) const;

    KnownMachines& known() { return known_; }

private:
    struct Asked {
        std::optional<dhcp::Mac> mac;
        TimePoint until;
    };
    std::optional<dhcp::Mac> ask_neighbours(const tftp::Endpoint& peer, TimePoint now);
    const ClientRecord* record_by_prefix(std::string_view first, bool with_root) const;
    std::string root_of(const ClientRecord& record) const;
    std::string without_roots(const std::string& name, const ClientRecord* record) const;
    // Empty: not known, or not any more.
    std::optional<std::string> recent_answer(const NameQuestion& question, TimePoint now) const;

    const std::string root_;
    const BootDefaults defaults_;
    const FindMac find_mac_;
    const bool fold_case_;
    std::vector<ClientRecord> records_;
    KnownMachines known_;
    // A boot asks for hundreds of files; the neighbour table is asked once in a while.
    std::unordered_map<tftp::Endpoint, Asked, tftp::EndpointHash> asked_;
    // So is the file system.
    struct Answer {
        std::string name;
        TimePoint until;
    };
    std::map<NameQuestion, Answer> answers_;
};

} // namespace bootview::clients
