// bootview: the command line. Each sub-command is a file of its own.
#include "bootview/config/command.h"
#include "bootview/config/import.h"
#include "bootview/config/keys.h"
#include "bootview/dhcp_snippet.h"
#include "bootview/doctor/client_play.h"
#include "bootview/doctor/doctor.h"
#include "bootview/failure.h"
#include "bootview/log.h"
#include "bootview/monitor/monitor.h"
#include "bootview/run_command.h"
#include "bootview/serve.h"
#include "bootview/status.h"
#include "bootview/unit_check.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

#include <fmt/format.h>

namespace {

namespace log = bootview::log;

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

struct CommandLine {
    struct {
        std::string file = bootview::config::default_file();
        std::string directory;
        std::string view;
        std::vector<std::string> servers;
    } config;
    bootview::ServeOptions serve;
    std::string serve_config;
    bootview::DhcpSnippetRequest snippet;
    bootview::doctor::Options doctor;
    bootview::monitor::Options monitor;
    bootview::StatusOptions status;
    bool check_units = false;
    std::string client;
    std::string listen;
    log::Level log_level = log::Level::info;
};

// A word, in either case, that stands for a value.
template<typename Value>
CLI::Validator one_of(const std::map<std::string, Value>& words) {
    return {[&words](std::string& text) {
                const auto found = words.find(CLI::detail::to_lower(text));
                if (found == words.end()) {
                    std::string all;
                    for (const auto& [word, value] : words)
                        all += (all.empty() ? "" : ", ") + word;
                    return fmt::format("'{}' is none of {}", text, all);
                }
                text = std::to_string(static_cast<int>(found->second));
                return std::string();
            },
            ""};
}

// One option per line of the manual, bootview.pod, in its order.
CLI::App* declare_dhcp_snippet(CLI::App& app, CommandLine& line) {
    static const std::map<std::string, bootview::DhcpServerKind> kinds = {
        {"dnsmasq", bootview::DhcpServerKind::dnsmasq},
        {"isc", bootview::DhcpServerKind::isc},
        {"kea", bootview::DhcpServerKind::kea},
        {"openwrt", bootview::DhcpServerKind::openwrt}};
    auto* snippet = app.add_subcommand(
        "dhcp-snippet", "Print what a DHCP server needs in its configuration, in place of a proxy");
    snippet->set_help_flag("--help", "Print this help and exit");
    snippet->add_option("KIND", line.snippet.kind, "dnsmasq, isc, kea or openwrt")
        ->required()
        ->transform(one_of(kinds));
    const auto is_file = [](const std::string& text) {
        return bootview::is_plain_file_name(text)
                   ? std::string{}
                   : fmt::format("'{}' is no name of a file as firmware asks for it", text);
    };
    const auto add_file = [&](const char* option, std::string& file, const char* description) {
        snippet->add_option(option, file, description)
            ->type_name("FILE")
            ->check(is_file)
            ->capture_default_str();
    };
    add_file("--arm64", line.snippet.arm64, "What arm64 machines with UEFI load");
    add_file("--bios", line.snippet.bios, "What PCs with a BIOS load");
    snippet->add_option("--server", line.snippet.server, "The boot server's IPv4 address")
        ->type_name("ADDR")
        ->required()
        ->check([](const std::string& text) {
            const auto address = bootview::parse_address(text);
            return address && !address->is_any() && !address->is_ipv6()
                       ? std::string{}
                       : fmt::format("'{}' is no IPv4 address in numbers", text);
        });
    add_file("--x64", line.snippet.x64, "What PCs with UEFI load");
    return snippet;
}

void declare_listen(CLI::App& command, CommandLine& line) {
    command.add_option("--listen", line.listen, "Address to serve on (default: every one)")
        ->type_name("ADDR")
        ->check([](const std::string& text) {
            return bootview::parse_address(text)
                       ? std::string{}
                       : fmt::format("'{}' is no IPv4 or IPv6 address in numbers", text);
        });
}

CLI::App* declare_doctor(CLI::App& app, CommandLine& line) {
    auto* doctor = app.add_subcommand(
        "doctor", "Find what will keep machines from booting, and say what to do about it");
    doctor->set_help_flag("--help", "Print this help and exit");
    doctor->add_option("IMAGE|DIR", line.doctor.source,
                       "What is to be served (default: what is installed)");
    doctor->add_option("--as", line.doctor.client, "Play this client, with the servers that run")
        ->type_name("SERIAL|MAC|IP")
        ->check([](const std::string& text) {
            return bootview::doctor::parse_client(text)
                       ? std::string{}
                       : fmt::format("'{}' is no serial number of 8 or 16 digits, no MAC and no "
                                     "IPv4 address",
                                     text);
        });
    doctor->add_flag("--dhcp-proxy", line.doctor.dhcp_proxy,
                     "Look at DHCP too, as serve --dhcp-proxy needs it");
    doctor
        ->add_option("--interface", line.doctor.interfaces,
                     "Interface that clients are on (repeatable; default: any)")
        ->type_name("IF")
        ->allow_extra_args(false);
    doctor->add_flag("--json", line.doctor.json, "Print the findings as JSON");
    declare_listen(*doctor, line);
    doctor->add_option("--nbd-port", line.doctor.nbd_port, "TCP port for NBD (default: 10809)")
        ->type_name("N");
    doctor->add_option("-o", line.doctor.view_options, "Options for fuse-fatimg (repeatable)")
        ->type_name("OPT[,OPT]...")
        ->allow_extra_args(false);
    doctor->add_option("--tftp-port", line.doctor.tftp_port, "UDP port for TFTP (default: 69)")
        ->type_name("N");
    return doctor;
}

// What is asked of monitors, and how the answer is printed.
void declare_question(CLI::App& command, CommandLine& line) {
    command.add_flag("--json", line.status.json, "Print it as JSON");
    command.add_option("--socket", line.status.socket, "Whom to ask (default: whoever runs)")
        ->type_name("PATH");
}

CLI::App* declare_log(CLI::App& app, CommandLine& line) {
    auto* log = app.add_subcommand("log", "Print what happened to one client, boot by boot");
    log->set_help_flag("--help", "Print this help and exit");
    log->add_option("CLIENT", line.client, "Its name, serial number, MAC or address")->required();
    declare_question(*log, line);
    return log;
}

CLI::App* declare_monitor(CLI::App& app, CommandLine& line) {
    auto* monitor = app.add_subcommand(
        "monitor", "Take in what the parts of a boot server tell, for status, log and metrics");
    monitor->set_help_flag("--help", "Print this help and exit");
    monitor
        ->add_option("--socket", line.monitor.socket,
                     "Listen at PATH.events, and answer at PATH.status")
        ->type_name("PATH")
        ->required();
    monitor
        ->add_option("--status-page", line.monitor.status_page,
                     "Show a page for browsers there, too (default address: 127.0.0.1)")
        ->type_name("[ADDR:]PORT");
    monitor
        ->add_option("--tftp-metrics", line.monitor.tftp_metrics,
                     "Add tftp-bridge's numbers, which it offers on this socket")
        ->type_name("PATH");
    return monitor;
}

CLI::App* declare_status(CLI::App& app, CommandLine& line) {
    auto* status = app.add_subcommand(
        "status", "Print what is served to whom: clients, transfers, exports, views");
    status->set_help_flag("--help", "Print this help and exit");
    declare_question(*status, line);
    status->add_flag("--check", line.check_units,
                     "Only whether all parts of bootview.target run; exit status 1 if not");
    status->add_flag("--watch", line.status.watch, "Print it again whenever it has changed");
    return status;
}

CLI::App* declare_config(CLI::App& app, CommandLine& line) {
    auto* config = app.add_subcommand("config", "Look at the configuration, bootview.toml(5)");
    config->set_help_flag("--help", "Print this help and exit");
    config->require_subcommand(1);
    const auto add = [&](const char* name, const char* description) {
        auto* command = config->add_subcommand(name, description);
        command->set_help_flag("--help", "Print this help and exit");
        return command;
    };
    auto* check = add("check", "Say what is wrong with it, or else what would be served");
    check->add_option("FILE", line.config.file, "The file")->capture_default_str();
    auto* conversion = add("import", "Convert the configuration of other servers to bootview.toml");
    conversion
        ->add_option("KIND", line.config.servers,
                     "dnsmasq, nbd-server or nobodd, and its files; then the next server")
        ->option_text("FILE... [KIND FILE...]...")
        ->required();
    conversion->parse_complete_callback([&line] {
        const auto& kind = line.config.servers.front();
        if (!bootview::config::is_import_kind(kind))
            throw CLI::ValidationError(
                "KIND", fmt::format("'{}' is none of dnsmasq, nbd-server, nobodd", kind));
    });
    auto* units = add("units", "Write what the systemd units read into a directory");
    units->add_option("DIR", line.config.directory, "The directory: /run/bootview-config")
        ->required();
    units->add_option("FILE", line.config.file, "The file")->capture_default_str();
    units->add_option("--view", line.config.view,
                      "Where the boot files are shown (default: boot below DIR)");
    return config;
}

int run_config(const CLI::App& config, const CommandLine& line) {
    if (config.got_subcommand("check"))
        return bootview::config::check(line.config.file);
    if (config.got_subcommand("import"))
        return bootview::config::import(line.config.servers);
    return bootview::config::write_for_units(line.config.directory, line.config.view,
                                             line.config.file);
}

CLI::App* declare_serve(CLI::App& app, CommandLine& line) {
    static const std::map<std::string, log::Level> levels = {{"error", log::Level::error},
                                                             {"warning", log::Level::warning},
                                                             {"info", log::Level::info},
                                                             {"debug", log::Level::debug}};
    auto* serve = app.add_subcommand(
        "serve", "Serve a disk image: over NBD, and its boot partition by TFTP; in the foreground");
    serve->set_help_flag("--help", "Print this help and exit");
    serve->add_option(
        "IMAGE|DIR", line.serve.source,
        "A disk image, a directory of them, or the NBD URI of a server (default: what the "
        "configuration says)");
    serve->allow_extras(); // a second image, see refuse_extras()
    serve->add_flag("--adopt", line.serve.adopt,
                    "With --dhcp-proxy: also answer PCs that nobody has named");
    serve
        ->add_option("--config", line.serve_config,
                     "File with these options, and with clients (default, without IMAGE|DIR: " +
                         bootview::config::default_file() + ")")
        ->type_name("FILE");
    serve->add_flag("--dhcp-proxy", line.serve.dhcp_proxy,
                    "Tell firmware what to load, next to any DHCP server");
    declare_listen(*serve, line);
    serve->add_option("--log-level", line.log_level, "error, warning, info or debug")
        ->type_name("LEVEL")
        ->transform(one_of(levels))
        ->default_str("info");
    serve
        ->add_option("--interface", line.serve.interfaces,
                     "Interface that clients are on (repeatable; default: any)")
        ->type_name("IF")
        ->allow_extra_args(false);
    serve
        ->add_option("--mount", line.serve.mount,
                     "Where to show the boot files (default: a private directory)")
        ->type_name("DIR");
    serve->add_option("--nbd-port", line.serve.nbd_port, "TCP port for NBD (default: 10809)")
        ->type_name("N");
    serve
        ->add_option("--notify", line.serve.notify,
                     "Directory for the change rings' sockets (default: found from the image)")
        ->type_name("DIR");
    serve->add_flag("--shared", line.serve.shared,
                    "Let several clients write one image (default: the second is refused)");
    serve
        ->add_option("-o,--view-options", line.serve.view_options,
                     "Options for fuse-fatimg (repeatable)")
        ->type_name("OPT[,OPT]...")
        ->allow_extra_args(false);
    serve
        ->add_option("--status-page", line.serve.status_page,
                     "Show who boots as a page for browsers (default address: 127.0.0.1)")
        ->type_name("[ADDR:]PORT");
    serve
        ->add_option("--tftp-port", line.serve.tftp_port,
                     "UDP port for TFTP (default: 69, or 6969 where only root may use that)")
        ->type_name("N");
    return serve;
}

// Takes what the file says and the command line does not. False, with lines, if the file is wrong.
bool read_config(CLI::App& serve, CommandLine& line) {
    bootview::config::Problems problems;
    auto config = bootview::config::load(line.serve_config, problems);
    for (const auto& problem : problems)
        fmt::print(stderr, "bootview: {}\n", problem);
    for (const auto& [key, setting] : config.options) {
        if (bootview::config::find_key(key)->for_bridge)
            continue;
        auto* option = serve.get_option(key == "images" ? "IMAGE|DIR" : "--" + key);
        if (option->count() != 0)
            continue;
        for (const auto& value : setting.values)
            option->add_result(value);
        option->run_callback();
    }
    if (line.serve.source.empty())
        line.serve.source = bootview::config::default_images();
    line.serve.config = std::move(config);
    return problems.empty();
}

// What `serve` takes no more of. Several images are served from a directory. Empty: all is well.
std::string refuse_extras(const CLI::App& serve, const std::string& first) {
    const auto extras = serve.remaining();
    if (extras.empty())
        return {};
    std::string images = bootview::shell_word(first);
    for (const auto& extra : extras) {
        if (extra.starts_with('-') || ::access(extra.c_str(), F_OK) != 0)
            return fmt::format("The following argument was not expected: {}", extra);
        images += " " + bootview::shell_word(extra);
    }
    return fmt::format("one image or directory can be named, and here are {}; several images are "
                       "served from a directory: mkdir images && mv {} images/ && bootview serve "
                       "images",
                       extras.size() + 1, images);
}

int run_serve(CLI::App& serve, CommandLine& line) {
    if (const auto refusal = refuse_extras(serve, line.serve.source); !refusal.empty()) {
        fmt::print(stderr, "bootview: {}; see bootview --help\n", refusal);
        return exit_usage;
    }
    if (line.serve.source.empty() && line.serve_config.empty()) {
        line.serve_config = bootview::config::default_file();
        if (::access(line.serve_config.c_str(), F_OK) != 0) {
            fmt::print(stderr,
                       "bootview: IMAGE|DIR is required, as there is no {}; see bootview --help\n",
                       line.serve_config);
            return exit_usage;
        }
    }
    if (!line.serve_config.empty() && !read_config(serve, line))
        return exit_failure;
    log::set_level(line.log_level);
    line.serve.listen = *bootview::parse_address(line.listen);
    return bootview::serve(line.serve);
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Boots diskless machines from disk images.", "bootview");
    app.set_version_flag("--version", "bootview " BOOTVIEW_VERSION);
    app.set_help_flag("--help", "Print this help and exit");
    app.require_subcommand(1);
    CommandLine line;
    const auto* const config = declare_config(app, line);
    const auto* const snippet = declare_dhcp_snippet(app, line);
    declare_doctor(app, line);
    const auto* const client_log = declare_log(app, line);
    const auto* const monitor = declare_monitor(app, line);
    auto* const serve = declare_serve(app, line);
    const auto* const status = declare_status(app, line);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success))
            return app.exit(error); // --help, --version
        fmt::print(stderr, "bootview: {}; see bootview --help\n", error.what());
        return exit_usage;
    }

    try {
        if (snippet->parsed()) {
            fmt::print("{}", bootview::dhcp_snippet(line.snippet));
            return 0;
        }
        if (config->parsed())
            return run_config(*config, line);
        if (monitor->parsed())
            return bootview::monitor::run(line.monitor);
        if (status->parsed())
            return line.check_units ? bootview::check_units() : bootview::print_status(line.status);
        if (client_log->parsed())
            return bootview::print_log(line.status, line.client);
        if (serve->parsed())
            return run_serve(*serve, line);
        line.doctor.listen = *bootview::parse_address(line.listen);
        return bootview::doctor::run(line.doctor);
    } catch (const std::exception& error) {
        std::istringstream lines(error.what()); // of a configuration, one for each mistake
        for (std::string text; std::getline(lines, text);)
            fmt::print(stderr, "bootview: {}\n", text);
        return exit_failure;
    }
}
