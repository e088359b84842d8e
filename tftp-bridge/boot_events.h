// Tells whoever listens (events/event.h) what was offered to which machine, and which files it got.
#pragma once

#include "events/sender.h"
#include "tftp-bridge/clients/locator.h"
#include "tftp-bridge/dhcp/machine.h"
#include "tftp-bridge/tftp/server.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace bootview {

// Not thread-safe. The locator outlives it.
class BootEvents {
public:
    // Null: nobody wants to know.
    static std::unique_ptr<BootEvents> from_environment(clients::Locator& locator);

    BootEvents(clients::Locator& locator, std::unique_ptr<events::Sender> sender)
        : locator_(locator), sender_(std::move(sender)) {}

    void offered(const dhcp::Machine& machine, const std::string& interface,
                 const std::string& what);
    void begun(const tftp::Begun& transfer);
    void ended(const tftp::Ended& transfer);
    void refused(const tftp::Refused& request);

private:
    events::Transfer describe(std::uint64_t id, const tftp::Endpoint& client,
                              std::string_view file);

    clients::Locator& locator_;
    std::unique_ptr<events::Sender> sender_;
    // Of refusals, which cost nobody anything who wants to send many requests.
    std::chrono::steady_clock::time_point second_{};
    unsigned refusals_in_it_ = 0;
};

} // namespace bootview
