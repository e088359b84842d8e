// Brings the TFTP server together with the DHCP proxy and with what is known about clients: which
// root a request is for, what a machine is offered, and the configuration that both go by.
#pragma once

#include "tftp-bridge/boot_events.h"
#include "tftp-bridge/boot_options.h"
#include "tftp-bridge/clients/boot_lookups.h"
#include "tftp-bridge/clients/locator.h"
#include "tftp-bridge/clients/neighbour_table.h"
#include "tftp-bridge/dhcp/line_limit.h"
#include "tftp-bridge/dhcp/server.h"
#include "tftp-bridge/tftp/file_root.h"
#include "tftp-bridge/tftp/server.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bootview {

// Not thread-safe. Lives as long as the server's run().
class BootService {
public:
    struct Setup {
        std::string root; // --root
        bool fold_case = false;
        clients::ConfigFile config;
        std::vector<std::string> option_names; // that a configuration file may hold
    };

    // Throws StartError and OptionError.
    BootService(BootOptions options, Setup setup, tftp::Server& server);
    BootService(const BootService&) = delete;
    BootService& operator=(const BootService&) = delete;

private:
    using Clock = std::chrono::steady_clock;

    void locate(const tftp::Endpoint& client, const std::string& name, Clock::time_point asked,
                std::function<void(tftp::Located)> then);
    void reload();
    void learn(const dhcp::Machine& machine);
    void warn_of_pitfalls(const tftp::Begun& transfer);

    const BootOptions options_;
    const std::string root_;
    const bool fold_case_;
    const std::vector<std::string> option_names_;
    std::vector<clients::ConfigOption> config_options_; // as read at the start
    clients::NeighbourTable neighbours_;
    clients::Locator locator_;
    // One for each directory that was asked for. There are as many as roots of clients.
    std::map<std::string, std::shared_ptr<const tftp::FileRoot>> roots_;
    const std::unique_ptr<BootEvents> events_; // null: nobody wants to know
    std::optional<dhcp::Server> dhcp_;
    clients::BootLookups boot_lookups_;
    dhcp::LineLimit lines_;
};

} // namespace bootview
