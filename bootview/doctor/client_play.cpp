#include "bootview/doctor/client_play.h"

#include "bootview/doctor/boot_entries.h"
#include "bootview/doctor/command_line.h"
#include "bootview/doctor/tftp_get.h"
#include "bootview/run_command.h"
#include "fuse-fatimg/image/nbd.h"
#include "tftp-bridge/clients/boot_files.h"
#include "tftp-bridge/clients/client_record.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <map>
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

class Play {
public:
    Play(const Client& client, const PlayQuestion& question, Findings& findings)
        : client_(client), question_(question), findings_(findings),
          server_(question.network.listen.is_any() ? Address{"127.0.0.1"}
                                                   : question.network.listen) {}

    void run() {
        if (question_.dhcp_proxy)
            ask_dhcp_servers();
        const auto entry = client_.is_pi() ? boot_as_pi() : boot_as_pc();
        if (!entry)
            return;
        const CommandLine line = parse_command_line(entry->command_line);
        if (!line.nbd_root) {
            findings_.fail("client-without-nbdroot", client_.text,
                           fmt::format("{}: its command line names no NBD server", entry->where),
                           "bootview doctor IMAGE");
            return;
        }
        connect(*line.nbd_root);
    }

private:
    void ask_dhcp_servers() {
        const dhcp::Interface* const interface = question_.network.interface();
        if (!question_.root || interface == nullptr) {
            findings_.not_checked(
                "dhcp-not-asked", "DHCP", "only root can ask as a machine without an address does",
                fmt::format("sudo bootview doctor --dhcp-proxy --as {}", client_.text));
            return;
        }
        const dhcp::Mac mac = client_.mac.value_or(dhcp::Mac{{2, 0x62, 0x76, 0, 0, 1}});
        try {
            judge_dhcp(ask_dhcp(*interface, discover_of({mac, client_.serial}), true),
                       question_.network, true, findings_);
        } catch (const std::exception& error) {
            findings_.not_checked("dhcp-not-asked", interface->name, error.what(), {});
        }
    }

    // A file that the client asks for. Null: it is not there, or nobody answers.
    const std::string* get(const std::string& name) {
        const auto [known, is_new] = fetched_.try_emplace(name);
        if (!is_new)
            return known->second ? &*known->second : nullptr;
        if (stopped_)
            return nullptr;
        TftpResult result = tftp_get(server_, question_.tftp_port, name);
        switch (result.outcome) {
        case TftpOutcome::complete:
            findings_.fine("client-tftp", name,
                           fmt::format("{} bytes in {:.1f} ms", result.content.size(),
                                       milliseconds(result.time)));
            known->second = std::move(result.content);
            return &*known->second;
        case TftpOutcome::refused:
            if (result.error != 1) // no such file: half of what firmware asks for is not there
                findings_.warn("client-tftp-refused", name,
                               fmt::format("refused: {}", result.reason), {});
            return nullptr;
        case TftpOutcome::no_server:
        case TftpOutcome::silent:
            stopped_ = true;
            findings_.fail("client-no-tftp-server",
                           fmt::format("{}:{}", server_.in_uri(), question_.tftp_port),
                           result.outcome == TftpOutcome::silent ? "nobody answers by TFTP"
                                                                 : "nobody serves TFTP there",
                           "bootview serve IMAGE");
            return nullptr;
        }
        return nullptr;
    }
    bool has(const std::string& name) { return get(name) != nullptr; }

    void miss(const char* id, std::string what, std::string fix) {
        if (!stopped_)
            findings_.fail(id, client_.text, std::move(what), std::move(fix));
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

    // PXELINUX's order (syslinux.txt): the MAC, then "default".
    std::optional<BootEntry> boot_as_pc() {
        std::string program;
        for (const auto architecture : {dhcp::Architecture::bios, dhcp::Architecture::x64})
            for (const std::string& name : clients::boot_program_names(architecture))
                if (program.empty() && has(name))
                    program = name;
        if (program.empty()) {
            miss("client-boot-program-missing",
                 "there is no boot program (pxelinux.0, EFI/BOOT/BOOTX64.EFI ...)", root_line());
            return std::nullopt;
        }
        if (program == "pxelinux.0" && !has("ldlinux.c32"))
            miss("client-file-missing", "there is no ldlinux.c32, which pxelinux.0 loads first",
                 "apt install pxelinux syslinux-common");
        std::vector<std::string> names;
        if (client_.mac)
            names.push_back("pxelinux.cfg/01-" + client_.mac->to_string('-'));
        if (client_.address) {
            std::string digits = fmt::format("{:08X}", client_.address->value);
            for (; !digits.empty(); digits.pop_back())
                names.push_back("pxelinux.cfg/" + digits);
        }
        names.emplace_back("pxelinux.cfg/default");
        for (const std::string& name : names)
            if (const std::string* const text = get(name))
                return load_first(pxelinux_entries(name, *text), "");
        for (const char* name :
             {"EFI/debian/grub.cfg", "EFI/BOOT/grub.cfg", "grub/grub.cfg", "boot/grub/grub.cfg"})
            if (const std::string* const text = get(name))
                return load_first(grub_entries(name, *text), "");
        for (const char* name : {"autoexec.ipxe", "boot.ipxe"})
            if (const std::string* const text = get(name))
                return load_first(ipxe_entries(name, *text), "");
        miss("client-configuration-missing",
             fmt::format("{} finds no configuration (pxelinux.cfg/default, grub.cfg ...)", program),
             "bootview doctor IMAGE");
        return std::nullopt;
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
        std::vector<std::string> names{chosen->kernel};
        names.insert(names.end(), chosen->initramfs.begin(), chosen->initramfs.end());
        for (const std::string& name : names)
            if (!has(prefix + name))
                miss("client-file-missing", fmt::format("there is no {}{}", prefix, name),
                     "bootview doctor IMAGE");
        return stopped_ ? std::nullopt : std::optional(*chosen);
    }

    void connect(const NbdRoot& root) {
        const bool is_here = dhcp::Ipv4::from_text(root.host).has_value() == false ||
                             question_.network.serves_on(*dhcp::Ipv4::from_text(root.host));
        const std::string host = is_here ? server_.in_uri() : root.host;
        const std::uint16_t port = is_here && root.port == 10809 ? question_.nbd_port : root.port;
        const std::string uri = fmt::format("nbd://{}:{}/{}", host, port, root.name);
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
    std::map<std::string, std::optional<std::string>> fetched_;
    bool stopped_ = false; // nobody answers: asking on would only take time
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
