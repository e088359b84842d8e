// bootview: the command line. Each sub-command is a file of its own.
#include "bootview/dhcp_snippet.h"
#include "bootview/doctor/client_play.h"
#include "bootview/doctor/doctor.h"
#include "bootview/failure.h"
#include "bootview/log.h"
#include "bootview/serve.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include <fmt/format.h>

namespace {

namespace log = bootview::log;

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

struct CommandLine {
    bootview::ServeOptions serve;
    bootview::DhcpSnippetRequest snippet;
    bootview::doctor::Options doctor;
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

CLI::App* declare_serve(CLI::App& app, CommandLine& line) {
    static const std::map<std::string, log::Level> levels = {{"error", log::Level::error},
                                                             {"warning", log::Level::warning},
                                                             {"info", log::Level::info},
                                                             {"debug", log::Level::debug}};
    auto* serve = app.add_subcommand(
        "serve", "Serve a disk image: over NBD, and its boot partition by TFTP; in the foreground");
    serve->set_help_flag("--help", "Print this help and exit");
    serve->add_option("IMAGE|DIR", line.serve.source, "A disk image, or a directory of them")
        ->required();
    serve->add_flag("--adopt", line.serve.adopt,
                    "With --dhcp-proxy: also answer PCs that nobody has named");
    serve->add_flag("--dhcp-proxy", line.serve.dhcp_proxy,
                    "Tell firmware what to load, next to any DHCP server");
    declare_listen(*serve, line);
    serve->add_option("--log-level", line.log_level, "error, warning, info or debug")
        ->type_name("LEVEL")
        ->transform(one_of(levels))
        ->default_str("info");
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
    serve->add_option("-o", line.serve.view_options, "Options for fuse-fatimg (repeatable)")
        ->type_name("OPT[,OPT]...")
        ->allow_extra_args(false);
    serve
        ->add_option("--tftp-port", line.serve.tftp_port,
                     "UDP port for TFTP (default: 69, or 6969 where only root may use that)")
        ->type_name("N");
    return serve;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Boots diskless machines from disk images.", "bootview");
    app.set_version_flag("--version", "bootview " BOOTVIEW_VERSION);
    app.set_help_flag("--help", "Print this help and exit");
    app.require_subcommand(1);
    CommandLine line;
    const auto* const snippet = declare_dhcp_snippet(app, line);
    const auto* const doctor = declare_doctor(app, line);
    declare_serve(app, line);
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
        log::set_level(line.log_level);
        line.serve.listen = line.doctor.listen = *bootview::parse_address(line.listen);
        if (doctor->parsed())
            return bootview::doctor::run(line.doctor);
        return bootview::serve(line.serve);
    } catch (const std::exception& error) {
        fmt::print(stderr, "bootview: {}\n", error.what());
        return exit_failure;
    }
}
