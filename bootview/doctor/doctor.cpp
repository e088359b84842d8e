#include "bootview/doctor/doctor.h"

#include "bootview/config/config.h"
#include "bootview/doctor/client_play.h"
#include "bootview/doctor/dhcp_probe.h"
#include "bootview/doctor/finding.h"
#include "bootview/doctor/firewall.h"
#include "bootview/doctor/machine.h"
#include "bootview/doctor/network.h"
#include "bootview/doctor/ports.h"
#include "bootview/doctor/source.h"
#include "bootview/failure.h"
#include "bootview/paths.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

namespace fs = std::filesystem;

// What the units serve, as bootview.toml has it.
struct Installed {
    std::string images; // empty: there are no units
    std::vector<std::string> view_options;
    std::vector<std::string> interfaces;
};
Installed find_installed() {
    std::error_code ignored;
    const std::string file = config::default_file();
    if (!fs::exists(file, ignored))
        return {};
    config::Problems problems; // which `bootview config check` tells
    const auto config = config::load(file, problems);
    Installed installed{config.text("images", config::default_images()), {}, {}};
    if (const auto* interfaces = config.find("interface"))
        installed.interfaces = interfaces->values;
    if (const auto* options = config.find("view-options"))
        installed.view_options = options->values;
    return installed;
}

// With a client to play, the DISCOVER is its own.
void check_dhcp(const Network& network, bool root, Findings& findings) {
    const dhcp::Interface* const interface = network.interface();
    if (!root || interface == nullptr || !interface->can_broadcast) {
        findings.not_checked("dhcp-not-asked", "DHCP",
                             root ? "there is no interface to ask on"
                                  : "only root can ask as a machine without an address does",
                             root ? "" : "sudo bootview doctor --dhcp-proxy");
        return;
    }
    try {
        const std::array discovers{discover_of({dhcp::Mac{{2, 0x62, 0x76, 0, 0, 1}}, {}})};
        judge_dhcp(ask_dhcp(*interface, discovers, false), network, false, findings);
    } catch (const std::exception& error) {
        findings.not_checked("dhcp-not-asked", interface->name, error.what());
    }
}

} // namespace

int run(const Options& options) {
    std::optional<Client> client;
    if (options.client)
        client = parse_client(*options.client);
    const bool root = ::geteuid() == 0;
    const Installed installed = find_installed();
    const std::string source = options.source.value_or(installed.images);
    std::error_code ignored;
    const bool is_installed =
        !source.empty() && (!options.source || fs::equivalent(source, installed.images, ignored));
    const auto& view_options = options.source || !options.view_options.empty()
                                   ? options.view_options
                                   : installed.view_options;
    Served served;
    served.network = look_at_network(
        options.listen, options.dhcp_proxy,
        options.interfaces.empty() && is_installed ? installed.interfaces : options.interfaces);
    served.nbd_port = options.nbd_port.value_or(default_nbd_port);
    const std::uint16_t tftp_port = options.tftp_port.value_or(default_tftp_port);

    Findings findings;
    check_machine({own_directory(), search_path_of_environment(), root, view_options}, findings);
    check_network(served.network, findings);
    check_ports({options.listen, served.nbd_port, tftp_port, options.tftp_port.has_value(),
                 options.dhcp_proxy, source, is_installed},
                findings);
    const dhcp::Interface* const interface = served.network.interface();
    check_firewall({interface != nullptr ? interface->name : "", served.nbd_port, tftp_port,
                    options.dhcp_proxy, root},
                   findings);
    if (options.dhcp_proxy && !client)
        check_dhcp(served.network, root, findings);
    if (!source.empty())
        check_source(source, served, partition_choice(view_options), {}, findings);
    if (client)
        play_client(*client, {served.network, served.nbd_port, tftp_port, options.dhcp_proxy, root},
                    findings);

    findings.sort();
    const std::string text = options.json ? as_json(findings) : as_text(findings);
    if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
        throw Failure("standard output: can't be written to");
    return findings.has_failures() ? 1 : 0;
}

} // namespace bootview::doctor
