#include "bootview/doctor/client_play.h"

#include "bootview/doctor/boot_entries.h"
#include "bootview/doctor/client_files.h"
#include "bootview/doctor/command_line.h"
#include "bootview/doctor/pc_loaders.h"
#include "bootview/run_command.h"
#include "fuse-fatimg/image/nbd.h"
#include "tftp-bridge/clients/boot_files.h"
#include "tftp-bridge/clients/client_record.h"
#include "tftp-bridge/dhcp/answer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <set>
#include <vector>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

using Clock = std::chrono::steady_clock;

// Of the Raspberry Pi Foundation and of Raspberry Pi Trading (IEEE's list of 2025).
constexpr std::array<std::uint32_t, 7> pi_makers{0xb827eb, 0xdca632, 0xe45f01, 0xd83add,
                                                 0x28cdc1, 0x2ccf67, 0x88a29e};

double milliseconds(std::chrono::microseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

// How a PC may ask for its boot program. Which of them it does nobody knows but its firmware.
struct Firmware {
    const char* name;
    dhcp::Architecture architecture;
};
constexpr std::array firmwares{Firmware{"BIOS", dhcp::Architecture::bios},
                               Firmware{"UEFI", dhcp::Architecture::x64}};

class Play {
public:
    Play(const Client& client, const PlayQuestion& question, Findings& findings)
        : client_(client), question_(question), findings_(findings),
          server_(question.network.listen.is_any() ? Address{"127.0.0.1"}
                                                   : question.network.listen),
          files_(server_, question.tftp_port, findings) {}

    void run() {
        if (question_.dhcp_proxy)
            ask_dhcp_servers();
        if (client_.is_pi())
            attach(boot_as_pi());
        else
            play_pc();
        findings_.add_all(missing_);
    }

private:
    void ask_dhcp_servers() {
        const dhcp::Interface* const interface = question_.network.interface();
        if (!question_.root || interface == nullptr) {
            findings_.not_checked(
                "dhcp-not-asked", "DHCP", "only root can ask as a machine without an address does",
                fmt::format("sudo bootview doctor --dhcp-proxy --as {}", shell_word(client_.text)));
            return;
        }
        try {
            answers_ = ask_dhcp(*interface, discovers(), true);
            judge_dhcp(answers_, question_.network, true, findings_);
            was_asked_ = client_.mac.has_value(); // of another MAC it would say something else
        } catch (const std::exception& error) {
            findings_.not_checked("dhcp-not-asked", interface->name, error.what(), {});
        }
    }

    Asker asker_of(dhcp::Architecture architecture, bool is_ipxe) const {
        return {client_.mac.value_or(dhcp::Mac{{2, 0x62, 0x76, 0, 0, 1}}), client_.serial,
                architecture, is_ipxe};
    }
    std::vector<dhcp::Message> discovers() const {
        if (client_.is_pi())
            return {discover_of(asker_of(dhcp::Architecture::bios, false))};
        std::vector<dhcp::Message> messages;
        for (const Firmware& firmware : firmwares)
            for (const bool is_ipxe : {false, true})
                messages.push_back(discover_of(asker_of(firmware.architecture, is_ipxe)));
        return messages;
    }

    // What our own proxy has told this asker to load, as a line; empty: nothing.
    std::string told(const char* who, dhcp::Architecture architecture, bool is_ipxe) {
        const auto transaction = discover_of(asker_of(architecture, is_ipxe)).transaction;
        for (const DhcpAnswer& answer : answers_) {
            const auto file = boot_file_of(answer.message);
            if (answer.message.transaction != transaction || file.empty() ||
                !question_.network.serves_on(answer.from))
                continue;
            findings_.fine("client-dhcp", who,
                           fmt::format("is told {} by {}, after {:.1f} ms", file,
                                       answer.from.to_string(), milliseconds(answer.time)));
            return file;
        }
        return {};
    }

    const std::string* get(const std::string& name) { return files_.get(name); }
    bool has(const std::string& name) { return files_.has(name); }

    void miss(const char* id, std::string what, std::string fix) {
        if (!files_.stopped())
            missing_.fail(id, client_.text, std::move(what), std::move(fix));
    }

    // Gives it a root of its own, in bootview.toml(5).
    std::string root_line() const {
        const std::string key = client_.serial ? "serial" : client_.mac ? "mac" : "ip";
        const std::string value = client_.serial.value_or(
            client_.mac ? client_.mac->to_string() : client_.address->to_string());
        return fmt::format("printf '[[client]]\\n{} = \"{}\"\\nroot = \"NAME\"\\n' "
                           ">>/etc/bootview/bootview.toml && systemctl reload tftp-bridge",
                           key, value);
    }

    // Raspberry Pi documentation, "Network booting": TFTP_PREFIX 0 puts the serial number before
    // each name, 2 the MAC; where neither start4.elf nor start.elf is below that, nothing is.
    std::optional<BootEntry> boot_as_pi() {
        std::vector<std::string> prefixes;
        if (client_.serial)
            prefixes.push_back(*client_.serial + "/");
        if (client_.mac)
            prefixes.push_back(client_.mac->to_string('-') + "/");
        prefixes.emplace_back();
        const auto prefix =
            std::find_if(prefixes.begin(), prefixes.end(), [&](const std::string& candidate) {
                return has(candidate + "start4.elf") || has(candidate + "start.elf") ||
                       has(candidate + "config.txt"); // all that a Pi 5 asks for
            });
        if (prefix == prefixes.end()) {
            miss("client-root-missing",
                 fmt::format("there is neither start4.elf nor config.txt, below {} or without it",
                             prefixes.front().empty() ? "/" : prefixes.front()),
                 root_line());
            return std::nullopt;
        }
        const std::string* const config = get(*prefix + "config.txt");
        if (config == nullptr) {
            miss("client-file-missing", "there is no " + *prefix + "config.txt", root_line());
            return std::nullopt;
        }
        const PiConfig found =
            pi_entries(*config, {[&](const std::string& name) { return has(*prefix + name); },
                                 [&](const std::string& name) {
                                     const std::string* const text = get(*prefix + name);
                                     return text != nullptr ? std::optional(*text) : std::nullopt;
                                 }});
        for (const char* name : {"fixup4.dat", "bcm2711-rpi-4-b.dtb"})
            get(*prefix + name);
        return load_first(found.entries, *prefix);
    }

    // By each firmware that finds something to load. If one of them boots, what keeps the others
    // from it may not matter to this machine.
    void play_pc() {
        if (client_.mac && files_.enter_own_root(*client_.mac))
            findings_.fine("client-root", client_.text, "has a root of its own");
        Findings all_missing;
        bool found_program = false;
        bool boots = false;
        for (const Firmware& firmware : firmwares) {
            const auto program = program_of(firmware);
            if (program.empty())
                continue;
            found_program = true;
            missing_ = {};
            attach(boot_as_pc(firmware, program));
            boots = boots || !missing_.has_failures();
            all_missing.add_all(missing_);
        }
        missing_ = {};
        if (!found_program && was_asked_)
            miss("client-not-told",
                 "the DHCP proxy tells it nothing to load; the log of tftp-bridge says why",
                 root_line());
        else if (!found_program)
            miss("client-boot-program-missing",
                 "there is no boot program (pxelinux.0, EFI/BOOT/BOOTX64.EFI ...)", root_line());
        for (Finding finding : all_missing.all()) {
            if (boots && finding.severity == Severity::failure)
                finding.severity = Severity::warning;
            missing_.add(std::move(finding));
        }
    }

    // As it is told by DHCP, or else the first of the names that the proxy looks for.
    std::string program_of(const Firmware& firmware) {
        if (was_asked_)
            return told(firmware.name, firmware.architecture, false);
        for (const std::string& name : clients::boot_program_names(firmware.architecture))
            if (has(name))
                return name;
        return {};
    }

    std::optional<BootEntry> boot_as_pc(const Firmware& firmware, const std::string& program) {
        PcLoader loader{program, client_.mac, client_.address, {}};
        if (!fetch(firmware.name, program))
            return std::nullopt;
        for (const std::string& name : companions_of(program))
            if (!has(name))
                miss("client-file-missing",
                     fmt::format("there is no {}, which {} loads first", name, program),
                     name.ends_with("ldlinux.c32") ? "apt install pxelinux syslinux-common" : "");
        if (was_asked_ && asks_whom_the_dhcp_server_names(program))
            check_next_server(program);
        if (was_asked_ && dhcp::is_ipxe_program(program)) {
            const auto who = fmt::format("iPXE, by {}", firmware.name);
            loader.ipxe_script = told(who.c_str(), firmware.architecture, true);
            if (loader.ipxe_script.empty()) {
                miss("client-not-told", fmt::format("{}: it is told no script", who),
                     "bootview doctor IMAGE");
                return std::nullopt;
            }
            if (!fetch(who.c_str(), loader.ipxe_script))
                return std::nullopt;
        }
        const auto found =
            read_configuration(loader, [&](const std::string& name) { return get(name); });
        if (found.file.empty()) {
            miss("client-configuration-missing",
                 fmt::format("{} finds no configuration (pxelinux.cfg/default, grub.cfg ...)",
                             program),
                 "bootview doctor IMAGE");
            return std::nullopt;
        }
        return load_first(found.entries, "");
    }

    void check_next_server(const std::string& program) {
        std::string named;
        for (const DhcpAnswer& answer : answers_) {
            if (answer.message.your.is_zero())
                continue;
            if (question_.network.serves_on(answer.message.server))
                return;
            named = answer.message.server.to_string();
        }
        if (named.empty())
            return; // there is no DHCP server, which is said already
        miss(
            "client-grub-elsewhere",
            fmt::format("{} looks for its configuration at {}, as the DHCP server has it, not here",
                        program, named),
            fmt::format("bootview dhcp-snippet dnsmasq --server {} --x64 {}",
                        question_.network.address().value_or(dhcp::Ipv4{}).to_string(), program));
    }

    // Of a name that it was told.
    bool fetch(const char* who, const std::string& name) {
        if (name.find("://") != std::string::npos) {
            findings_.not_checked("client-elsewhere", name, "a URL is not fetched here", {});
            return false;
        }
        if (has(name))
            return true;
        miss("client-file-missing", fmt::format("{}: there is no {}", who, name),
             "bootview doctor IMAGE");
        return false;
    }

    // The first that takes its root from NBD, or the first of all.
    std::optional<BootEntry> load_first(const std::vector<BootEntry>& entries,
                                        const std::string& prefix) {
        auto chosen = std::find_if(entries.begin(), entries.end(), [](const BootEntry& entry) {
            return parse_command_line(entry.command_line).nbd_root.has_value();
        });
        if (chosen == entries.end())
            chosen = entries.begin();
        if (chosen == entries.end()) {
            miss("client-kernel-missing", "no kernel is named", "bootview doctor IMAGE");
            return std::nullopt;
        }
        if (chosen->elsewhere) {
            findings_.not_checked("client-elsewhere", chosen->where,
                                  fmt::format("{} is not fetched here", chosen->kernel), {});
            return *chosen;
        }
        std::vector<std::string> names{chosen->kernel};
        names.insert(names.end(), chosen->initramfs.begin(), chosen->initramfs.end());
        for (const std::string& name : names)
            if (!has(prefix + name))
                miss("client-file-missing", fmt::format("there is no {}{}", prefix, name),
                     "bootview doctor IMAGE");
        return files_.stopped() ? std::nullopt : std::optional(*chosen);
    }

    void attach(const std::optional<BootEntry>& entry) {
        if (!entry)
            return;
        const CommandLine line = parse_command_line(entry->command_line);
        if (line.nbd_root)
            connect(*line.nbd_root);
        else
            missing_.fail("client-without-nbdroot", client_.text,
                          fmt::format("{}: its command line names no NBD server", entry->where),
                          "bootview doctor IMAGE");
    }

    void connect(const NbdRoot& root) {
        const bool is_here = dhcp::Ipv4::from_text(root.host).has_value() == false ||
                             question_.network.serves_on(*dhcp::Ipv4::from_text(root.host));
        const std::string host = is_here ? server_.in_uri() : root.host;
        const std::uint16_t port = is_here && root.port == 10809 ? question_.nbd_port : root.port;
        const std::string uri = fmt::format("nbd://{}:{}/{}", host, port, root.name);
        if (!attached_.insert(uri).second)
            return; // by the other firmware too
        const auto begun = Clock::now();
        try {
            const image::Nbd nbd{uri};
            std::array<std::byte, 512> sector{};
            nbd.read(0, sector);
            findings_.fine(
                "client-nbd", uri,
                fmt::format("{} bytes, first sector in {:.1f} ms", nbd.size(),
                            milliseconds(std::chrono::duration_cast<std::chrono::microseconds>(
                                Clock::now() - begun))));
        } catch (const std::exception& error) {
            const std::string reason = error.what();
            // "URI: what went wrong: check ..."
            const auto begin = std::min(reason.find(": ") + 2, reason.size());
            findings_.fail("client-nbd-refused", uri,
                           reason.substr(begin, reason.rfind(": check the URI") - begin),
                           fmt::format("nbdinfo --list nbd://{}:{}/", host, port));
        }
    }

    const Client& client_;
    const PlayQuestion& question_;
    Findings& findings_;
    Address server_;
    ClientFiles files_;
    std::vector<DhcpAnswer> answers_;
    bool was_asked_ = false; // DHCP, so that these are all
    Findings missing_;       // what keeps it from booting, by the firmware that is played
    std::set<std::string> attached_;
};

} // namespace

bool Client::is_pi() const {
    if (serial)
        return true;
    if (!mac)
        return false;
    const std::uint32_t maker = static_cast<std::uint32_t>(mac->bytes[0]) << 16 |
                                static_cast<std::uint32_t>(mac->bytes[1]) << 8 | mac->bytes[2];
    return std::find(pi_makers.begin(), pi_makers.end(), maker) != pi_makers.end();
}

std::optional<Client> parse_client(std::string_view text) {
    Client client;
    client.text = text;
    client.address = dhcp::Ipv4::from_text(text);
    if (!client.address)
        client.serial = clients::serial_from_text(text);
    if (!client.address && !client.serial)
        client.mac = dhcp::Mac::from_text(text);
    return client.address || client.serial || client.mac ? std::optional(client) : std::nullopt;
}

void play_client(const Client& client, const PlayQuestion& question, Findings& findings) {
    Play{client, question, findings}.run();
}

} // namespace bootview::doctor
