#include "bootview/doctor/ports.h"

#include "bootview/doctor/from_preflight.h"
#include "bootview/preflight.h"
#include "common/port_holder.h"
#include "common/read_whole.h"
#include "tftp-bridge/dhcp/port.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <sstream>
#include <system_error>
#include <vector>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> arguments_of(pid_t process) {
    std::vector<std::string> words;
    std::istringstream text(read_whole(fmt::format("/proc/{}/cmdline", process)));
    for (std::string word; std::getline(text, word, '\0');)
        words.push_back(word);
    return words;
}

pid_t parent_of(pid_t process) {
    std::istringstream lines(read_whole(fmt::format("/proc/{}/status", process)));
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("PPid:"))
            return static_cast<pid_t>(std::strtol(line.c_str() + 5, nullptr, 10));
    return 0;
}

bool names(const std::vector<std::string>& words, const std::string& source) {
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
        std::error_code ignored;
        const auto equals = word.find('='); // file=IMAGE
        return fs::equivalent(word, source, ignored) ||
               (equals != std::string::npos &&
                fs::equivalent(word.substr(equals + 1), source, ignored));
    });
}

// A port of the packages' units is held by the service manager or by a service, which do not name
// what they serve.
bool is_of_units(const PortHolder& holder) {
    const std::string service =
        service_of_cgroup(read_whole(fmt::format("/proc/{}/cgroup", holder.pid)));
    return holder.pid == 1 || service == "bootview-nbd.service" || service == "tftp-bridge.service";
}

// Is it one of our programs, serving what we are asked about? That port is as it should be.
bool serves(const PortHolder& holder, const PortQuestion& question) {
    if (question.installed && is_of_units(holder))
        return true;
    constexpr std::array programs{"bootview", "nbdkit", "tftp-bridge"};
    return std::find(programs.begin(), programs.end(), holder.name) != programs.end() &&
           (question.source.empty() || names(holder.arguments, question.source) ||
            names(arguments_of(parent_of(holder.pid)), question.source));
}

// Of programs that have port 67 for one of two reasons: this one gives no addresses.
bool is_proxy(const PortHolder& holder) {
    if (holder.name == "tftp-bridge")
        return true;
    if (holder.name != "dnsmasq")
        return false;
    std::vector<std::string> files{"/etc/dnsmasq.conf"};
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator("/etc/dnsmasq.d", ignored))
        files.push_back(file.path().string());
    std::string text;
    for (const std::string& word : holder.arguments) {
        text += word.starts_with("--dhcp-range=") ? word.substr(2) + "\n" : "";
        for (const std::string_view option : {"--conf-file=", "-C"})
            if (word.starts_with(option) && word.size() > option.size())
                files = {word.substr(option.size())};
    }
    for (const std::string& file : files)
        text += read_whole(file) + "\n";
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("dhcp-range=") && line.find(",proxy") != std::string::npos)
            return true;
    return false;
}

// What a dnsmasq has that is the network's DHCP server as well goes on without the lines about
// booting.
bool is_needed_otherwise(const PortHolder& holder) {
    return holder.name == "dnsmasq" && !is_proxy(holder);
}

std::string stop_line(const std::optional<PortHolder>& holder, std::uint16_t port,
                      Transport transport) {
    if (!holder)
        return fmt::format("sudo ss -lnp{} sport = :{}", transport == Transport::tcp ? 't' : 'u',
                           port);
    // It is the machine's network as well; comm has no more than 15 characters.
    if (holder->name == "systemd-network")
        return "grep -rl DHCPServer /etc/systemd/network # say DHCPServer=no there, then: "
               "networkctl reload";
    if (is_needed_otherwise(*holder))
        return "grep -rnE '^(pxe-|dhcp-boot|enable-tftp)' /etc/dnsmasq.conf /etc/dnsmasq.d # take "
               "these lines "
               "away, then: systemctl restart dnsmasq";
    return doctor::stop_line(holder->pid);
}

// True: it is ours to have.
bool check_port(const PortQuestion& question, std::uint16_t port, Transport transport,
                Findings& findings) {
    const bool is_nbd = transport == Transport::tcp;
    const std::string name = is_nbd ? "nbd" : "tftp";
    const int error = bind_port(question.listen, port, transport).error;
    if (error == 0)
        return true;
    const auto holder =
        error == EADDRINUSE ? find_port_holder(port, transport) : std::optional<PortHolder>{};
    if (holder && serves(*holder, question)) {
        findings.fine(name + "-port-served",
                      fmt::format("{} port {}", is_nbd ? "NBD" : "TFTP", port),
                      fmt::format("served by {} (process {}) already", holder->name, holder->pid));
        return false;
    }
    // bootview on another source is what port_problem() words as "already served".
    const Failed failed =
        split_failure(preflight::port_problem(port, transport, question.listen, error, holder,
                                              is_nbd ? "--nbd-port" : "--tftp-port", ""));
    if (error == EADDRINUSE)
        findings.fail(name + "-port-taken", failed.thing, failed.what,
                      stop_line(holder, port, transport));
    else if (error == EADDRNOTAVAIL)
        findings.fail("listen-address-foreign", failed.thing, failed.what, "ip -brief address");
    else if ((error == EACCES || error == EPERM) && !is_nbd && !question.tftp_port_is_chosen)
        findings.warn("tftp-port-denied", failed.thing,
                      "this user may not use ports below 1024: serve takes 6969, and firmware "
                      "asks on 69 alone",
                      fmt::format("sudo sysctl net.ipv4.ip_unprivileged_port_start={}", port));
    else if (error == EACCES || error == EPERM)
        findings.fail(name + "-port-denied", failed.thing, failed.what,
                      fmt::format("sudo sysctl net.ipv4.ip_unprivileged_port_start={}", port));
    else
        findings.fail(name + "-port-broken", failed.thing, failed.what);
    return false;
}

std::string name_of(const PortHolder& holder) {
    return fmt::format("{} (process {})", holder.name, holder.pid);
}

// Those besides ourselves, and besides what serves what we are asked about.
PortHolders others_on(std::uint16_t port, const PortQuestion& question) {
    PortHolders holders = find_port_holders(port, Transport::udp);
    std::erase_if(holders.known, [&](const PortHolder& holder) {
        return holder.pid == ::getpid() || serves(holder, question);
    });
    return holders;
}

void check_dhcp_ports(Findings& findings) {
    const Descriptor pxe = dhcp::open_boot_server_socket();
    const int pxe_error = pxe ? 0 : errno;
    const Descriptor dhcp_socket = dhcp::open_broadcast_socket("");
    const int dhcp_error = dhcp_socket ? 0 : errno;
    for (const auto& [port, error] :
         {std::pair{dhcp::server_port, dhcp_error}, std::pair{dhcp::boot_server_port, pxe_error}}) {
        const std::string thing = fmt::format("DHCP proxy port {}", port);
        if (error == 0)
            continue; // others may have it all the same, see check_dhcp_neighbours
        if (error == EACCES || error == EPERM) {
            findings.fail("dhcp-proxy-denied", thing,
                          "this user may not use it: the DHCP proxy needs root, or "
                          "CAP_NET_BIND_SERVICE and CAP_NET_RAW",
                          "sudo bootview serve --dhcp-proxy");
            return;
        }
        const auto holder = find_port_holder(port, Transport::udp);
        const std::string whose = holder ? name_of(*holder) : "another program";
        if (port == dhcp::boot_server_port)
            findings.fail("pxe-port-taken", thing, "taken by " + whose,
                          stop_line(holder, port, Transport::udp));
        else // a DHCP server that does not share it: whole packets are read instead
            findings.fine("dhcp-port-shared", thing, "shared with " + whose);
    }
}

} // namespace

std::string stop_line(pid_t process) {
    const auto unit_of = [](const std::string& who) {
        return service_of_cgroup(read_whole(fmt::format("/proc/{}/cgroup", who)));
    };
    const std::string service = unit_of(fmt::format("{}", process));
    // Where everything is in one unit, as in a container, that says nothing.
    if (!service.empty() && service != unit_of("self"))
        return fmt::format("systemctl disable --now {}", service);
    // A part that dies is started again by the bootview that it belongs to.
    const pid_t parent = parent_of(process);
    const bool is_part = read_whole(fmt::format("/proc/{}/comm", parent)) == "bootview\n";
    return fmt::format("kill {}", is_part ? parent : process);
}

std::string service_of_cgroup(std::string_view text) {
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        const std::string leaf = line.substr(line.rfind('/') + 1);
        if (leaf.ends_with(".service"))
            return leaf;
    }
    return {};
}

std::string dhcp_server_here(const PortQuestion& question) {
    const auto holders = others_on(dhcp::server_port, question);
    if (!holders.known.empty())
        return name_of(holders.known.front());
    return holders.others ? "another program" : "";
}

void check_dhcp_neighbours(const PortQuestion& question, Findings& findings) {
    check_dhcp_ports(findings);
    const auto says = [&](const std::string& id) { return findings.find(id) != nullptr; };
    if (says("dhcp-proxy-denied") || says("pxe-port-taken"))
        return; // it can't be run, or that says it
    const PortHolders on_pxe = others_on(dhcp::boot_server_port, question);
    const PortHolders on_dhcp = others_on(dhcp::server_port, question);
    const std::string thing =
        fmt::format("DHCP proxy ports {} and {}", dhcp::server_port, dhcp::boot_server_port);
    constexpr const char* why = "tells clients on this machine what to boot, too; which of two "
                                "answers a client takes is chance";
    for (const PortHolder& holder : on_pxe.known)
        findings.warn("dhcp-second-proxy", thing, fmt::format("{} {}", name_of(holder), why),
                      stop_line(holder, dhcp::boot_server_port, Transport::udp));
    if (on_pxe.known.empty() && on_pxe.others)
        findings.warn("dhcp-second-proxy", thing, fmt::format("another program {}", why),
                      stop_line({}, dhcp::boot_server_port, Transport::udp));
    if (on_pxe.known.empty() && !on_pxe.others && !says("dhcp-port-shared"))
        for (const PortHolder& holder : on_dhcp.known) {
            const std::string shared = fmt::format("DHCP proxy port {}", dhcp::server_port);
            if (is_proxy(holder))
                findings.warn("dhcp-second-proxy", shared,
                              fmt::format("{} {}", name_of(holder), why),
                              stop_line(holder, dhcp::server_port, Transport::udp));
            else
                findings.fine("dhcp-port-shared", shared,
                              fmt::format("shared with {}", name_of(holder)));
        }
}

void check_ports(const PortQuestion& question, Findings& findings) {
    const bool nbd = check_port(question, question.nbd_port, Transport::tcp, findings);
    const bool tftp = check_port(question, question.tftp_port, Transport::udp, findings);
    if (nbd && tftp)
        findings.fine("ports", "ports",
                      fmt::format("{} for NBD and {} for TFTP are free", question.nbd_port,
                                  question.tftp_port));
    if (question.dhcp_proxy)
        check_dhcp_neighbours(question, findings);
}

} // namespace bootview::doctor
