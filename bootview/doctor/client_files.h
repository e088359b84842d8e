// The files that a client gets by TFTP: each is asked for once, and is a line with its size and
// time.
#pragma once

#include "bootview/doctor/finding.h"
#include "bootview/endpoint.h"
#include "tftp-bridge/dhcp/address.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace bootview::doctor {

class ClientFiles {
public:
    ClientFiles(Address server, std::uint16_t port, Findings& findings)
        : server_(std::move(server)), port_(port), findings_(findings) {}

    // Null: it is not there, or nobody answers.
    const std::string* get(const std::string& name);
    bool has(const std::string& name) { return get(name) != nullptr; }

    // Whether the server has a directory for this machine alone: by its [[client]], or an image
    // that is named by its MAC. From then on all names are below it, as they are for the machine.
    //
    // The machine itself is known by its address, which this one does not have. From others
    // tftp-bridge takes the MAC as the first part of a name for it (clients/locator.h).
    bool enter_own_root(const dhcp::Mac& mac);

    // Nobody answers: asking on would only take time.
    bool stopped() const { return stopped_; }

private:
    Address server_;
    std::uint16_t port_;
    Findings& findings_;
    std::string below_; // "", or a directory with its slash
    std::map<std::string, std::optional<std::string>> fetched_;
    bool stopped_ = false;
};

} // namespace bootview::doctor
