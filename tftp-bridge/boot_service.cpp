#include "tftp-bridge/boot_service.h"

#include "tftp-bridge/clients/pi_pitfalls.h"
#include "tftp-bridge/dhcp/metrics.h"
#include "tftp-bridge/tftp/file_name.h"
#include "tftp-bridge/tftp/inherited_sockets.h"
#include "tftp-bridge/tftp/log.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

namespace bootview {
namespace {

namespace log = tftp::log;
// Without names all inherited sockets are for TFTP.
std::vector<Descriptor> sockets_named(const std::string& name) {
    if (!std::getenv("LISTEN_FDNAMES"))
        return {};
    return tftp::inherited_sockets(name);
}

} // namespace

BootService::BootService(BootOptions options, Setup setup, tftp::Server& server)
    : options_(std::move(options)), root_(setup.root), fold_case_(setup.fold_case),
      option_names_(std::move(setup.option_names)),
      config_options_(std::move(setup.config.options)),
      locator_(
          root_, boot_defaults(options_),
          [this](const tftp::Endpoint& address) { return neighbours_.find(address); }, fold_case_),
      events_(BootEvents::from_environment(locator_)) {
    locator_.set_records(std::move(setup.config.clients));
    server.set_locate([this](const tftp::Endpoint& client, const std::string& name,
                             std::function<void(tftp::Located)> then) {
        locate(client, name, Clock::now(), std::move(then));
    });
    server.watch_also(boot_lookups_.fd(), [this] { boot_lookups_.run_completed(); });
    server.on_begun([this](const tftp::Begun& transfer) {
        warn_of_pitfalls(transfer);
        if (events_)
            events_->begun(transfer);
    });
    if (events_) {
        server.on_ended([this](const tftp::Ended& transfer) { events_->ended(transfer); });
        server.on_refused([this](const tftp::Refused& request) { events_->refused(request); });
    }
    server.on_reload([this] { reload(); });
    auto settings = dhcp_settings(options_); // checked even if it is not used
    if (!options_.dhcp_proxy)
        return;

    dhcp::Machines machines;
    machines.find_boot_files = [this](const dhcp::Machine& machine, auto then) {
        boot_lookups_.find(locator_.question_about(machine, Clock::now()), std::move(then));
    };
    machines.known_boot_files = [this](const dhcp::Machine& machine) {
        return boot_lookups_.find_now(locator_.question_about(machine, Clock::now()));
    };
    machines.learn = [this](const dhcp::Machine& machine) { learn(machine); };
    machines.learn_address = [this](const dhcp::Mac& mac, dhcp::Ipv4 address) {
        locator_.known().learn_address(mac, address);
    };
    machines.describe = [this](const dhcp::Mac& mac) { return locator_.describe(mac); };
    machines.offered = [this](const dhcp::Machine& machine, const std::string& interface,
                              const std::string& what) {
        locator_.known().offered(machine, what, Clock::now());
        if (events_)
            events_->offered(machine, interface, what);
    };
    dhcp_.emplace(std::move(settings), std::move(machines),
                  dhcp::InheritedPorts{sockets_named("dhcp"), sockets_named("pxe")});
    server.watch_also(dhcp_->fd(), [this] { dhcp_->handle(Clock::now()); });
    server.add_metrics([this] { return to_text(dhcp_->counters()); });
    log::info("answering machines that boot from the network on {}", dhcp_->describe());
}

void BootService::locate(const tftp::Endpoint& client, const std::string& name,
                         Clock::time_point asked, std::function<void(tftp::Located)> then) {
    auto found = locator_.place_for(client, name, asked);
    if (const auto* question = std::get_if<clients::NameQuestion>(&found)) {
        boot_lookups_.find_name(*question, [this, question = *question, client, name, asked,
                                            then = std::move(then)](const std::string& answer) {
            locator_.learn(question, answer, Clock::now());
            locate(client, name, asked, then);
        });
        return;
    }
    auto& place = std::get<clients::Place>(found);
    auto& root = roots_[place.directory];
    if (!root)
        root = std::make_shared<tftp::FileRoot>(place.directory, fold_case_);
    then({root, std::move(place.name)});
}

// Before it has loaded anything, a Pi can still be switched off.
void BootService::learn(const dhcp::Machine& machine) {
    locator_.known().learn(machine);
    if (machine.boot_class != dhcp::BootClass::pi ||
        !lines_.allows("firmware " + machine.mac.to_string(), Clock::now()))
        return;
    boot_lookups_.find_eeprom_update(
        locator_.question_about(machine, Clock::now()),
        [this, mac = machine.mac](const std::string& path) {
            log::warning("{}: this Raspberry Pi will write {} into its EEPROM, if it is new to it; "
                         "if it is not to, remove the file",
                         locator_.describe(mac), path);
        });
}

void BootService::warn_of_pitfalls(const tftp::Begun& transfer) {
    const auto now = Clock::now();
    const auto is_pi = [&] { return locator_.is_pi(transfer.client, transfer.name, now); };
    const auto warning =
        clients::pitfall_of(transfer.name, transfer.length, transfer.block_size, is_pi);
    auto client = transfer.client;
    client.port = 0;
    if (!warning.empty() &&
        lines_.allows(fmt::format("{} {}", client.to_string(), transfer.name), now))
        log::warning("{}: \"{}\": {}", transfer.client.to_string(), tftp::printable(transfer.name),
                     warning);
}

void BootService::reload() {
    if (options_.config.empty())
        return;
    try {
        auto config = clients::load_config(options_.config, option_names_);
        if (!std::equal(config.options.begin(), config.options.end(), config_options_.begin(),
                        config_options_.end(), [](const auto& now, const auto& before) {
                            return now.name == before.name && now.values == before.values;
                        }))
            log::warning("{}: only what it says about clients is read again; restart tftp-bridge "
                         "for the rest",
                         options_.config);
        log::info("{}: {} clients", options_.config, config.clients.size());
        locator_.set_records(std::move(config.clients));
        roots_.clear();
    } catch (const clients::ConfigError& error) {
        log::error("{}; the old settings stay", error.what());
    }
}

} // namespace bootview
