#include "bootview/serve.h"

#include "bootview/config/bridge_file.h"
#include "bootview/config/check.h"
#include "bootview/doctor/command_line.h"
#include "bootview/doctor/firewall.h"
#include "bootview/doctor/network.h"
#include "bootview/doctor/ports.h"
#include "bootview/doctor/replaced.h"
#include "bootview/doctor/start.h"
#include "bootview/failure.h"
#include "bootview/log.h"
#include "bootview/mount_directory.h"
#include "bootview/paths.h"
#include "bootview/preflight.h"
#include "bootview/private_file.h"
#include "bootview/supervisor.h"
#include "change-ring/path.h"
#include "common/images_in.h"
#include "common/service_notify.h"
#include "common/unix_socket.h"
#include "events/sender.h"
#include "fuse-fatimg/image/nbd.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace bootview {

namespace {

namespace fs = std::filesystem;
using preflight::SourceKind;

constexpr std::uint16_t high_tftp_port = 6969;
constexpr std::chrono::seconds replaced_interval{5};

struct Programs {
    std::string nbdkit;
    std::string plugin;
    std::string fuse_fatimg;
    std::string tftp_bridge;
    std::string bootview; // this one, for its monitor
};

Programs find_programs() {
    const std::string own = own_directory();
    const std::string path = search_path_of_environment();
    preflight::check_fusermount(::geteuid() == 0, path);
    return {preflight::check_nbdkit(path), plugin_argument(own),
            preflight::check_sibling("fuse-fatimg", own, path),
            preflight::check_sibling("tftp-bridge", own, path),
            preflight::check_sibling("bootview", own, path)};
}

// Binds or throws the line that says why not.
Descriptor open_port(const ServeOptions& options, std::uint16_t port, Transport transport) {
    Bound bound = bind_port(options.listen, port, transport);
    if (bound.error != 0)
        throw Failure(preflight::port_problem(
            port, transport, options.listen, bound.error,
            bound.error == EADDRINUSE ? find_port_holder(port, transport) : std::nullopt,
            transport == Transport::tcp ? "--nbd-port" : "--tftp-port", options.source));
    return std::move(bound.socket);
}

// A machine that is switched off says nothing: without this its connection would stay for ever. As
// patient as TCP itself, which repeats an unanswered packet for some 15 minutes: a cable that is
// cut for that long costs a client nothing. When another client waits for its image, the plugin is
// less patient (nbdkit-plugin/writers.h).
void notice_dead_clients(int listener) {
    const auto set = [&](int level, int option, int value) {
        ::setsockopt(listener, level, option, &value, sizeof value);
    };
    // What is accepted inherits these.
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 600); // seconds
    set(IPPROTO_TCP, TCP_KEEPINTVL, 60);
    set(IPPROTO_TCP, TCP_KEEPCNT, 5);
}

// The bridge binds it by itself; here we only learn whether it can.
std::uint16_t choose_tftp_port(const ServeOptions& options) {
    if (options.tftp_port)
        return port_of(open_port(options, *options.tftp_port, Transport::udp).get());
    const int error = bind_port(options.listen, default_tftp_port, Transport::udp).error;
    if (error != EACCES && error != EPERM) {
        open_port(options, default_tftp_port, Transport::udp); // for its error line
        return default_tftp_port;
    }
    open_port(options, high_tftp_port, Transport::udp);
    log::say(log::Level::info,
             "TFTP on port {}, because port {} is root's here; real firmware asks on {} only",
             high_tftp_port, default_tftp_port, default_tftp_port);
    return high_tftp_port;
}

// Where the parts tell what they do, and where bootview status asks. Empty: there is no place for
// the sockets.
std::string monitor_socket(const std::string& directory) {
    return directory.empty() ? directory : fmt::format("{}/serve-{}", directory, ::getpid());
}

// nbdkit is ended by SIGKILL, and so may serve be: neither takes its sockets away then.
void remove_what_was_left_behind(const std::string& directory) {
    remove_dead_sockets(directory, "ring-");
    remove_dead_sockets(directory, "serve-");
}

std::string tftp_metrics_socket(const std::string& monitor) {
    return monitor + ".tftp-metrics";
}

Part monitor_part(const ServeOptions& options, const Programs& programs,
                  const std::string& socket) {
    std::vector<std::string> arguments{programs.bootview, "monitor",
                                       "--socket",        socket,
                                       "--tftp-metrics",  tftp_metrics_socket(socket)};
    if (!options.status_page.empty())
        arguments.insert(arguments.end(), {"--status-page", options.status_page});
    return {"seen", "bootview monitor", {arguments, {}, {}, SIGTERM}, {}};
}

bool is_unix_uri(const std::string& uri) {
    return uri.substr(0, uri.find("://")).ends_with("+unix");
}

bool is_this_machine(const std::string& host) {
    return host.empty() || host == "localhost" || host == "::1" || host.starts_with("127.");
}

Part nbd_part(const ServeOptions& options, const Programs& programs, SourceKind kind,
              const Descriptor& socket, std::uint16_t port) {
    std::vector<std::string> arguments{programs.nbdkit, "-f", programs.plugin,
                                       (kind == SourceKind::directory ? "dir=" : "file=") +
                                           options.source,
                                       options.shared ? "writers=any" : "writers=one"};
    if (options.notify)
        arguments.push_back("notify=" + *options.notify);
    if (log::level() == log::Level::debug)
        arguments.insert(arguments.begin() + 2, "-v");
    Part part{"nbd", "nbdkit", {arguments, {}, {socket.get()}, SIGKILL}, {}};
    part.greets_at = Part::NbdServer{options.listen, port};
    // On SIGTERM it would refuse what its clients write from then on (NBD_ESHUTDOWN), and their
    // file systems break. Cut off they wait for the next server; what was confirmed is in the page
    // cache.
    part.stop_signal = SIGKILL;
    return part;
}

Part view_part(const ServeOptions& options, const Programs& programs,
               const MountDirectory& directory) {
    std::vector<std::string> arguments{programs.fuse_fatimg, "-f"};
    if (options.notify)
        arguments.insert(arguments.end(), {"-o", "notify=" + *options.notify});
    for (const auto& option : options.view_options)
        arguments.insert(arguments.end(), {"-o", option});
    arguments.insert(arguments.end(), {options.source, directory.path()});
    Part part{"view", "fuse-fatimg", {arguments, {}, {}, SIGTERM}, {}};
    part.before_start = [&directory] { directory.detach_dead_mount(); };
    return part;
}

// What tftp-bridge's own configuration depends on.
std::vector<std::string> tftp_arguments(const ServeOptions& options, const std::string& root) {
    std::vector<std::string> arguments{"--root", root};
    if (!options.dhcp_proxy)
        return arguments;
    arguments.insert(arguments.end(), {"--dhcp-proxy", options.adopt ? "--adopt" : "--no-adopt"});
    for (const std::string& interface : options.interfaces)
        arguments.insert(arguments.end(), {"--interface", interface});
    return arguments;
}

Part tftp_part(const ServeOptions& options, const Programs& programs,
               const MountDirectory& directory, std::uint16_t port,
               const std::optional<PrivateFile>& config) {
    auto arguments = tftp_arguments(options, directory.path());
    arguments.insert(arguments.begin(), programs.tftp_bridge);
    arguments.insert(arguments.end(),
                     {"--listen", fmt::format("{}:{}", options.listen.in_uri(), port)});
    if (config)
        arguments.insert(arguments.end(), {"--config", config->path()});
    if (log::level() == log::Level::debug)
        arguments.insert(arguments.end(), {"--log-level", "debug"});
    return {"tftp", "tftp-bridge", {arguments, {}, {}, SIGTERM}, {}};
}

// Interfaces of the command line, or else those of the configuration.
doctor::Network network_of(const ServeOptions& options) {
    auto wanted = options.interfaces;
    if (const auto* setting = options.config ? options.config->find("interface") : nullptr;
        setting != nullptr && wanted.empty())
        wanted = setting->values;
    return doctor::look_at_network(options.listen, options.dhcp_proxy, wanted);
}

// What the doctor can tell at once. Only root may read the rules; others learn of it by the doctor.
void check_firewall(const ServeOptions& options, const doctor::Network& network,
                    std::uint16_t nbd_port, std::uint16_t tftp_port) {
    if (::geteuid() != 0)
        return;
    const auto shut = doctor::find_shut_port(network.served_interfaces(),
                                             {"", nbd_port, tftp_port, options.dhcp_proxy, true});
    if (shut)
        throw Failure(
            fmt::format("{}: {}; let it in with \"{}\"", shut->thing, shut->what, shut->fix));
}

// Where clients find what is served.
struct Place {
    std::string host; // as it stands in a URI
    std::uint16_t nbd_port = 0;
    std::uint16_t tftp_port = 0;
    std::string name;                   // of the export, on a client's command line
    std::string uri;                    // of an NBD server that is not ours
    std::vector<std::string> elsewhere; // "192.0.2.1 on eth1", where clients may be as well
};

Place place_of(const ServeOptions& options, SourceKind kind, const doctor::Network& network,
               std::uint16_t nbd_port, std::uint16_t tftp_port) {
    const auto possible = network.possible_addresses();
    Place place;
    place.nbd_port = nbd_port;
    place.tftp_port = tftp_port;
    place.name = kind == SourceKind::directory ? "NAME" : "boot";
    place.host = !options.listen.is_any() ? options.listen.in_uri()
                 : possible.empty()       ? own_address()
                                          : possible.front().second.to_string();
    for (std::size_t i = 1; i < possible.size(); ++i)
        place.elsewhere.push_back(
            fmt::format("{} on {}", possible[i].second.to_string(), possible[i].first));
    if (kind == SourceKind::nbd_server)
        place.uri = options.source;
    return place;
}

void print_names(const std::string& directory) {
    constexpr std::size_t most_shown = 10;
    const auto images = images_in(directory);
    std::size_t shown = 0;
    for (const auto& [name, path] : images)
        if (shown++ < most_shown)
            fmt::print("NAME     {}\n", name);
    if (images.size() > most_shown)
        fmt::print("NAME     ... and {} more\n", images.size() - most_shown);
    if (images.empty())
        fmt::print("NAME     none yet; they may be put there at any time\n");
}

// Two of the forms that Debian's nbd-client script understands; the first also names the device.
std::string nbdroot(const Place& place) {
    if (place.uri.empty())
        return place.nbd_port == default_nbd_port
                   ? fmt::format("nbdroot={},{},nbd0", place.host, place.name)
                   : fmt::format("nbdroot={}:{}/{} nbddev=/dev/nbd0", place.host, place.nbd_port,
                                 place.name);
    const auto root = doctor::parse_command_line("nbdroot=" + place.uri).nbd_root;
    const std::string host = root && !is_this_machine(root->host) ? root->host : place.host;
    const std::string in_uri = host.find(':') != std::string::npos && !host.starts_with('[')
                                   ? fmt::format("[{}]", host)
                                   : host;
    return fmt::format("nbdroot={}:{}/{} nbddev=/dev/nbd0", in_uri,
                       root ? root->port : default_nbd_port, root ? root->name : "");
}

void print_served(const ServeOptions& options, SourceKind kind, const Place& place,
                  const std::string& mounted_at) {
    const bool directory = kind == SourceKind::directory;
    const std::string slash_name = directory ? "/NAME" : "";
    fmt::print("serving  {}{}\n", options.source, directory ? " (every image in it)" : "");
    if (place.uri.empty())
        fmt::print("NBD      nbd://{}:{}/{}\n", place.host, place.nbd_port,
                   directory ? "NAME" : "");
    else
        fmt::print("NBD      {} (that server's; none is started here)\n", place.uri);
    fmt::print("TFTP     tftp://{}:{}{}/\n", place.host, place.tftp_port, slash_name);
    fmt::print("files    {}{}\n", mounted_at, slash_name);
    if (directory)
        print_names(options.source);
    if (options.dhcp_proxy)
        fmt::print("client   firmware: is told by the DHCP proxy; nothing to be done{}\n",
                   options.adopt ? "" : " for a Raspberry Pi; PCs need --adopt");
    else
        fmt::print("client   firmware or DHCP server: boot by TFTP from {}{}{}\n", place.host,
                   place.tftp_port == default_tftp_port ? ""
                                                        : fmt::format(", port {}", place.tftp_port),
                   directory ? ", directory NAME" : "");
    if (is_unix_uri(place.uri))
        fmt::print("client   kernel command line: no client reaches a Unix socket; let that server "
                   "listen on TCP, too\n");
    else
        fmt::print("client   kernel command line: ip=dhcp {} root=/dev/nbd0p2\n", nbdroot(place));
    for (const std::string& other : place.elsewhere)
        fmt::print("client   in place of {}: {}\n", place.host, other);
    fmt::print("ready; Ctrl-C ends it and leaves nothing behind\n");
    std::fflush(stdout);
}

// Firmware finds its server by DHCP, and without anybody who tells it there it finds none.
void say_who_tells(const ServeOptions& options) {
    if (options.dhcp_proxy)
        return;
    const auto other = doctor::dhcp_server_here({options.listen, 0, 0, false, false, "", false});
    log::say(
        log::Level::info,
        "nobody tells Raspberry Pis and PCs to boot from here, unless your DHCP server does{}: "
        "add --dhcp-proxy, or see \"bootview dhcp-snippet --help\"",
        other.empty() ? "" : fmt::format(" ({} on this machine)", other));
}

void warn_of_start(const doctor::Findings& findings, const std::string& source) {
    constexpr std::size_t most = 10;
    for (const std::string& text : doctor::start_lines(findings, source, most))
        log::say(log::Level::warning, "{}", text);
}

std::string joined(const config::Problems& problems) {
    std::string text;
    for (const auto& problem : problems)
        text += (text.empty() ? "" : "\n") + problem;
    return text;
}

// A client whose image is not there yet may get it at any time.
void warn_of_missing(const config::Config& config) {
    config::Problems missing;
    config::check_places(config, missing);
    for (const auto& problem : missing)
        log::say(log::Level::warning, "{}", problem);
}

// Whether the clients are others now. What else has changed waits for the next start, so that a
// tftp-bridge that dies comes back as it was.
bool read_config_again(ServeOptions& options, const Programs& programs, const std::string& path) {
    config::Problems problems;
    auto fresh = config::load(options.config->file, problems);
    auto changed = *options.config;
    changed.clients = fresh.clients;
    const auto text = config::bridge_text(changed);
    if (problems.empty())
        problems = config::ask_bridge(programs.tftp_bridge, text, tftp_arguments(options, "/"));
    for (const auto& problem : problems)
        log::say(log::Level::error, "{}; the old settings stay", problem);
    if (!problems.empty())
        return false;
    for (const auto& [key, setting] : fresh.options)
        if (const auto* before = options.config->find(key);
            !before || before->values != setting.values)
            log::say(log::Level::warning, "{}: {} takes a new start of bootview serve",
                     setting.place(), key);
    for (const auto& [key, setting] : options.config->options)
        if (!fresh.find(key))
            log::say(log::Level::warning, "{}: without {} it takes a new start of bootview serve",
                     fresh.file, key);
    replace_file(path, text);
    options.config = std::move(changed);
    log::say(log::Level::info, "{}: {} clients", fresh.file, fresh.clients.size());
    warn_of_missing(fresh);
    return true;
}

// Until the supervisor takes signals over, there is nothing yet to clean up but a directory: hold
// them back, so that not even that is left.
void block_signals() {
    sigset_t held;
    ::sigemptyset(&held);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD})
        ::sigaddset(&held, signal);
    ::sigprocmask(SIG_BLOCK, &held, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

std::string absolute(const std::string& path) {
    std::error_code ignored;
    const fs::path result = fs::absolute(path, ignored).lexically_normal();
    // "images/" and "images" are the same directory; the parts shall not see the difference.
    return result.has_filename() ? result.string() : result.parent_path().string();
}

} // namespace

int serve(const ServeOptions& wanted) {
    block_signals();
    ServeOptions options = wanted;
    const bool is_ours = !image::is_nbd_uri(options.source);
    const SourceKind kind =
        is_ours ? preflight::check_source(options.source) : SourceKind::nbd_server;
    if (is_ours)
        options.source = absolute(options.source);
    if (options.notify)
        options.notify = absolute(*options.notify);
    if (options.mount) {
        options.mount = absolute(*options.mount);
        preflight::check_mount_directory(*options.mount);
    }
    const Programs programs = find_programs();
    std::optional<PrivateFile> bridge_file;
    if (options.config) {
        const auto text = config::bridge_text(*options.config);
        const auto problems =
            config::ask_bridge(programs.tftp_bridge, text, tftp_arguments(options, "/"));
        if (!problems.empty())
            throw Failure(joined(problems));
        bridge_file.emplace("tftp-bridge", text);
    }
    preflight::check_fuse_device("/dev/fuse");
    Descriptor nbd_socket;
    if (is_ours) {
        nbd_socket =
            open_port(options, options.nbd_port.value_or(default_nbd_port), Transport::tcp);
        notice_dead_clients(nbd_socket.get());
    } else if (options.nbd_port) {
        log::say(log::Level::warning, "--nbd-port: does nothing, as {} is another server",
                 options.source);
    }
    const std::uint16_t nbd_port = is_ours ? port_of(nbd_socket.get()) : default_nbd_port;
    const std::uint16_t tftp_port = choose_tftp_port(options);
    const auto network = network_of(options);
    check_firewall(options, network, is_ours ? nbd_port : tftp_port, tftp_port);
    const auto findings = doctor::look_before_start(
        {is_ours ? options.source : "", network, nbd_port, options.adopt, options.view_options});

    const MountDirectory directory(options.mount);
    std::vector<Part> parts{view_part(options, programs, directory),
                            tftp_part(options, programs, directory, tftp_port, bridge_file)};
    if (is_ours)
        parts.insert(parts.begin(), nbd_part(options, programs, kind, nbd_socket, nbd_port));
    const auto runtime_directory = ring::make_runtime_directory();
    remove_what_was_left_behind(runtime_directory);
    if (const auto socket = monitor_socket(runtime_directory); !socket.empty()) {
        for (auto& part : parts)
            part.command.environment.emplace_back(events::environment_variable, socket + ".events");
        parts.back().command.arguments.insert(parts.back().command.arguments.end(),
                                              {"--metrics", tftp_metrics_socket(socket)});
        parts.insert(parts.begin(), monitor_part(options, programs, socket));
    } else {
        log::say(log::Level::warning, "there is no directory for sockets, so bootview status will "
                                      "know nothing; set XDG_RUNTIME_DIR");
    }
    Supervisor supervisor(std::move(parts), [&] {
        warn_of_start(findings, options.source);
        say_who_tells(options);
        print_served(options, kind, place_of(options, kind, network, nbd_port, tftp_port),
                     directory.path());
        notify_service_manager("READY=1");
    });
    doctor::ReplacedImages replaced(is_ours ? options.source : "");
    supervisor.every(replaced_interval, [&] {
        for (const std::string& text : replaced.look())
            log::say(log::Level::warning, "{}", text);
    });
    if (bridge_file) {
        warn_of_missing(*options.config);
        supervisor.on_hangup([&] {
            try {
                if (read_config_again(options, programs, bridge_file->path()))
                    supervisor.hang_up("tftp");
            } catch (const Failure& failure) {
                log::say(log::Level::error, "{}; the old settings stay", failure.what());
            }
        });
    }
    return supervisor.run() ? 0 : 1;
}

} // namespace bootview
