// tftp-bridge: the command line. The server is tftp/server.h; what it has to do with DHCP and with
// clients, boot_service.h.
#include "tftp-bridge/boot_options.h"
#include "tftp-bridge/boot_service.h"
#include "tftp-bridge/tftp/inherited_sockets.h"
#include "tftp-bridge/tftp/log.h"
#include "tftp-bridge/tftp/options.h"
#include "tftp-bridge/tftp/server.h"
#include "tftp-bridge/tftp/start_error.h"
#include "tftp-bridge/toml_config.h"

#include <CLI/CLI.hpp>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace tftp = bootview::tftp;
using bootview::BootOptions;
using bootview::BootService;

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;

struct CommandLine {
    tftp::ServerSettings settings;
    std::vector<std::string> listen;
    bool check = false;
    double timeout_seconds = 1;
    unsigned cache_mebibytes = 16;
    std::string port_range;
    tftp::log::Level log_level = tftp::log::Level::info;
    BootOptions boot;
};

// "FIRST-LAST".
tftp::PortRange parse_port_range(const std::string& text) {
    tftp::PortRange range;
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, range.first);
    if (first.ec == std::errc() && first.ptr != end && *first.ptr == '-') {
        const auto last = std::from_chars(first.ptr + 1, end, range.last);
        if (last.ec == std::errc() && last.ptr == end && range.first != 0 &&
            range.first <= range.last)
            return range;
    }
    throw CLI::ValidationError("--port-range " + text,
                               "write FIRST-LAST, two port numbers, as in 50000-50999");
}

// One option per line of the manual, tftp-bridge.pod, in its order.
void declare_options(CLI::App& app, CommandLine& line) {
    using tftp::log::Level;
    static const std::map<std::string, Level> levels = {{"error", Level::error},
                                                        {"warning", Level::warning},
                                                        {"info", Level::info},
                                                        {"debug", Level::debug}};
    auto& settings = line.settings;
    app.add_option("--cache-size", line.cache_mebibytes,
                   "File data to keep in memory, in MiB, for all transfers together")
        ->type_name("MIB")
        ->check(CLI::Range(1U, 1024U * 1024).description(""))
        ->capture_default_str();
    app.add_flag("--check", line.check,
                 "Check the options and the file with the configuration, and exit")
        ->configurable(false);
    settings.fold_case = true; // firmware is used to FAT
    app.add_flag("--fold-case,!--no-fold-case", settings.fold_case,
                 "Find a file whose name differs from the one asked for in the case of letters, or "
                 "in how a serial number or MAC is written (default); or only what is named so");
    app.add_option("--listen", line.listen, "Address and port to take requests on (repeatable)")
        ->type_name("[ADDR][:PORT]")
        ->default_str(":69")
        ->allow_extra_args(false);
    app.add_option("--log-level", line.log_level, "error, warning, info or debug")
        ->type_name("LEVEL")
        ->transform(CLI::CheckedTransformer(levels, CLI::ignore_case).description(""))
        ->default_str("info");
    app.add_option("--max-blksize", settings.max_block_size,
                   "Largest block to agree to, in bytes (default: what fits into one packet)")
        ->type_name("BYTES")
        ->check(CLI::Range(tftp::min_block_size, tftp::max_block_size).description(""));
    app.add_option("--max-transfers", settings.max_transfers, "Transfers to run at the same time")
        ->type_name("N")
        ->check(CLI::Range(1U, 100'000U).description(""))
        ->capture_default_str();
    app.add_option("--max-transfers-per-client", settings.max_transfers_per_client,
                   "Of these, how many for one address")
        ->type_name("N")
        ->check(CLI::Range(1U, 100'000U).description(""))
        ->capture_default_str();
    app.add_option("--max-windowsize", settings.max_window_size,
                   "Most blocks to send before an acknowledgement")
        ->type_name("BLOCKS")
        ->check(CLI::Range(1U, tftp::max_window_size).description(""))
        ->capture_default_str();
    app.add_option("--metrics", settings.metrics,
                   "Offer numbers for Prometheus on this port of 127.0.0.1, or this Unix socket")
        ->type_name("PORT|PATH");
    app.add_option("--port-range", line.port_range,
                   "Ports to use for transfers (default: the system chooses)")
        ->type_name("FIRST-LAST");
    app.add_option("--retries", settings.retries, "How often to repeat a packet before giving up")
        ->type_name("N")
        ->check(CLI::Range(1U, 100U).description(""))
        ->capture_default_str();
    app.add_option("--root", settings.root, "Directory to serve")->type_name("DIR")->required();
    app.add_flag("--single-port", settings.single_port,
                 "Send everything from the port that requests come to")
        ->excludes("--port-range");
    app.add_option("--timeout", line.timeout_seconds,
                   "Wait before a packet is repeated, in seconds, if the client asks for none")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.01, 255.0).description(""))
        ->capture_default_str();
}

// Likewise, those about DHCP and clients.
void declare_boot_options(CLI::App& app, BootOptions& boot) {
    app.add_flag("--adopt,!--no-adopt", boot.adopt,
                 "Answer machines that nobody has named, too (default); or only Raspberry Pis and "
                 "those with a [[client]]");
    app.add_option("--boot-file", boot.boot_file,
                   "What machines of an architecture are to load (default: what is found)")
        ->type_name("ARCH=FILE")
        ->allow_extra_args(false);
    app.add_flag("--dhcp-proxy", boot.dhcp_proxy,
                 "Tell machines that boot from the network what to load, next to any DHCP server");
    app.add_option("--http-boot", boot.http_boot, "What UEFI firmware is to load by HTTP")
        ->type_name("ARCH=URL")
        ->needs("--dhcp-proxy")
        ->allow_extra_args(false);
    app.add_option("--interface", boot.interface,
                   "Where to answer DHCP requests (default: wherever broadcasts are possible)")
        ->type_name("IF")
        ->needs("--dhcp-proxy")
        ->allow_extra_args(false);
    app.add_option("--ipxe-script", boot.ipxe_script, "What iPXE is to load")
        ->type_name("FILE|URL")
        ->needs("--dhcp-proxy");
    app.add_flag("--no-67", boot.no_67,
                 "Answer on port 4011 alone: the DHCP server says \"PXEClient\" itself")
        ->needs("--dhcp-proxy");
    app.add_option("--pi-menu", boot.pi_menu, "What a Raspberry Pi looks for; empty: no answer")
        ->type_name("TEXT")
        ->needs("--dhcp-proxy");
    app.add_option("--pxe-menu", boot.pxe_menu,
                   "A line of a boot menu; without FILE, to boot from the local disk")
        ->type_name("ARCH,TEXT[,FILE]")
        ->needs("--dhcp-proxy")
        ->allow_extra_args(false);
    app.add_option("--pxe-prompt", boot.pxe_prompt, "What stands above the menu, and for how long")
        ->type_name("TEXT[,SECONDS]")
        ->needs("--dhcp-proxy");
    app.add_flag("--relay", boot.relay, "Answer relay agents of other networks, too")
        ->needs("--dhcp-proxy");
    app.add_option("--reply-delay", boot.reply_delay,
                   "Wait before a DHCP answer; CLASS is bios, uefi, ipxe, pi or http")
        ->type_name("[CLASS=]SECONDS")
        ->needs("--dhcp-proxy")
        ->allow_extra_args(false);
}

int serve(CommandLine& line, const bootview::TomlConfig& config) {
    tftp::log::set_level(line.log_level);
    line.settings.timeout =
        std::chrono::milliseconds(static_cast<std::int64_t>(line.timeout_seconds * 1000));
    if (!line.listen.empty())
        line.settings.listen.clear();
    for (const auto& text : line.listen)
        line.settings.listen.push_back(tftp::parse_listen_address(text));
    line.settings.cache_bytes = std::size_t{line.cache_mebibytes} << 20;
    if (line.listen.empty())
        line.settings.inherited = tftp::inherited_sockets("tftp");
    BootService::Setup setup{line.settings.root, line.settings.fold_case, config.file(),
                             config.option_names()};
    tftp::Server server(std::move(line.settings));
    const BootService boot(std::move(line.boot), std::move(setup), server);
    server.run();
    return EXIT_SUCCESS;
}

// A mistake in a line: of the file, if the option that the message begins with stands there.
void say_mistakes(const std::string& what, const bootview::clients::ConfigFile& file) {
    std::string place;
    for (const auto& option : file.options)
        if (const auto name = "--" + option.name;
            what.starts_with(name + " ") || what.starts_with(name + ":"))
            place = file.origins.of(option.line) + ": ";
    std::istringstream lines(what);
    for (std::string line; std::getline(lines, line);)
        tftp::log::error("{}{}", place, line);
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app("Read-only TFTP server for booting machines from the files of a directory.",
                 "tftp-bridge");
    app.set_version_flag("--version", "tftp-bridge " BOOTVIEW_VERSION);
    app.set_help_flag("--help", "Print this help and exit"); // not -h: it is a host elsewhere
    CommandLine line;
    declare_options(app, line);
    declare_boot_options(app, line.boot);
    app.set_config("--config", "", "File with these options, and with clients")->type_name("FILE");
    const auto config = std::make_shared<bootview::TomlConfig>(app);
    app.config_formatter(config);
    try {
        app.parse(argc, argv);
        line.boot.config = app.get_config_ptr()->as<std::string>();
        bootview::dhcp_settings(line.boot);
        bootview::boot_defaults(line.boot);
        if (!line.port_range.empty())
            line.settings.ports = parse_port_range(line.port_range);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success))
            return app.exit(error); // --help, --version
        say_mistakes(fmt::format("{}; see tftp-bridge --help", error.what()), config->file());
        return exit_usage;
    } catch (const std::runtime_error& error) { // of the configuration file, of BootOptions
        say_mistakes(error.what(), config->file());
        return exit_usage;
    }
    if (line.check)
        return EXIT_SUCCESS;

    try {
        return serve(line, *config);
    } catch (const std::exception& error) {
        tftp::log::error("{}", error.what());
        return exit_failure;
    }
}
