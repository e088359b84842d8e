#include "bootview/doctor/doctor.h"

#include "bootview/config/config.h"
#include "bootview/doctor/boot_files.h"
#include "bootview/doctor/client_play.h"
#include "bootview/doctor/dhcp_probe.h"
#include "bootview/doctor/finding.h"
#include "bootview/doctor/firewall.h"
#include "bootview/doctor/image.h"
#include "bootview/doctor/image_access.h"
#include "bootview/doctor/machine.h"
#include "bootview/doctor/network.h"
#include "bootview/doctor/ports.h"
#include "bootview/doctor/raspberry_pi.h"
#include "bootview/failure.h"
#include "bootview/paths.h"
#include "bootview/run_command.h"
#include "common/images_in.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

namespace fs = std::filesystem;

// What the units serve, as bootview.toml has it.
struct Installed {
    std::string images; // empty: there are no units
    std::vector<std::string> view_options;
};
Installed find_installed() {
    std::error_code ignored;
    const std::string file = config::default_file();
    if (!fs::exists(file, ignored))
        return {};
    config::Problems problems; // which `bootview config check` tells
    const auto config = config::load(file, problems);
    Installed installed{config.text("images", config::default_images()), {}};
    if (const auto* options = config.find("view-options"))
        installed.view_options = options->values;
    return installed;
}

// What of fuse-fatimg's options decides which files there are: partition=N, partition=all.
view::PartitionChoice partition_choice(const std::vector<std::string>& view_options) {
    constexpr std::string_view key = "partition=";
    view::PartitionChoice choice;
    for (const std::string& list : view_options) {
        std::istringstream words(list);
        for (std::string word; std::getline(words, word, ',');) {
            if (!word.starts_with(key))
                continue;
            const std::string value = word.substr(key.size());
            choice.all = value == "all";
            if (const unsigned long number = std::strtoul(value.c_str(), nullptr, 10); number > 0)
                choice.number = static_cast<unsigned>(number);
        }
    }
    return choice;
}

void check_one(const std::string& name, const std::string& path, Served served,
               const view::PartitionChoice& choice, Findings& findings) {
    Findings of_image; // some checks ask what others found, of the same image
    served.name = name;
    if (const auto image = check_image(path, choice, of_image)) {
        check_raspberry_pi(*image, of_image);
        check_boot_files(*image, served, unpack, of_image);
    }
    findings.add_all(of_image);
}

void check_source(const std::string& source, Served served, const view::PartitionChoice& choice,
                  Findings& findings) {
    std::error_code ignored;
    if (!fs::is_directory(source, ignored)) {
        check_one("boot", source, served, choice, findings);
        return;
    }
    if (!check_access(source, findings))
        return;
    ImageDirectory directory{source};
    const auto images = directory.images();
    for (const auto& [name, path] : images) {
        served.exports.insert(name);
        served.file_names.emplace(fs::path(path).filename().string(), name);
    }
    if (images.empty())
        findings.warn("images-none", source, "holds no images yet",
                      fmt::format("cp --sparse=always IMAGE {}", shell_word(source)));
    for (const auto& [name, path] : images)
        check_one(name, path, served, choice, findings);
    for (const auto& path : directory.not_yet_images())
        check_one(fs::path(path).filename().string(), path, served, choice, findings);
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
    served.network = look_at_network(options.listen, options.dhcp_proxy);
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
        check_source(source, served, partition_choice(view_options), findings);
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
