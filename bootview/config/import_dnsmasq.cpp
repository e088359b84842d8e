// dnsmasq's lines about booting (dnsmasq(8)): DHCP, PXE and TFTP. It goes on giving out addresses.
//
// What its rules come to is asked of them machine by machine (dnsmasq_rules.h), and then written as
// what bootview.toml has for it: boot-file and pxe-menu by architecture, ipxe-script, pi-menu, and
// a
// [[client]] for each host.
#include "bootview/config/dnsmasq_rules.h"
#include "bootview/config/draft.h"
#include "bootview/endpoint.h"
#include "tftp-bridge/dhcp/architecture.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

namespace bootview::config {

namespace {

using dnsmasq::Host;
using dnsmasq::Machine;
using dnsmasq::Rules;
using dnsmasq::Service;
using dnsmasq::Told;

constexpr std::string_view no_counterpart = "nothing here is like it; it stays with dnsmasq";

// The architectures that all rules without one are for.
const std::set<unsigned> usual_architectures{0, 6, 7, 9, 10, 11};

std::string name_of(unsigned number) {
    const auto architecture = static_cast<dhcp::Architecture>(number);
    return dhcp::is_known(architecture) ? dhcp::to_string(architecture) : fmt::format("{}", number);
}

bool is_http(unsigned number) {
    return dhcp::is_http(static_cast<dhcp::Architecture>(number));
}

std::vector<SourceLine> all_lines(const std::vector<Source>& sources) {
    std::vector<SourceLine> lines;
    for (const auto& source : sources)
        for (auto& line : dnsmasq_lines(source))
            lines.push_back(std::move(line));
    return lines;
}

// What a machine gets, as bootview.toml can say it.
struct Gets {
    std::string file;
    std::vector<const Service*> menu;
    bool operator==(const Gets&) const = default;
};

class Import {
public:
    Import(Draft& draft, const std::vector<Source>& sources)
        : draft_(draft), lines_(all_lines(sources)), rules_(lines_),
          architectures_(usual_architectures) {
        architectures_.insert(rules_.architectures().begin(), rules_.architectures().end());
    }

    void run() {
        for (const auto& line : lines_)
            take(line);
        take_listen_address();
        take_programs();
        take_scripts({});
        take_pis();
        take_hosts();
        take_roots();
        take_interfaces();
        finish();
    }

private:
    void take(const SourceLine& line);
    bool take_tftp(const SourceLine& line);
    void take_listen_address();
    Gets gets(const Machine& machine);
    void take_programs();
    void add_menu(unsigned architecture, const Service& service);
    void take_prompt(unsigned architecture);
    void take_scripts(const std::string& mac);
    void take_pis();
    void take_hosts();
    bool explain(const Host& host);
    void add_client(const Host& host, const std::string& mac);
    void add_files(const std::string& mac, std::vector<Draft::Client>& clients);
    void take_roots();
    void take_interfaces();
    void finish();
    bool answers_strangers() const;
    std::string without_root(const std::string& file) const;

    Draft& draft_;
    const std::vector<SourceLine> lines_;
    const Rules rules_;
    std::set<unsigned> architectures_;
    std::set<const SourceLine*> used_;           // of those about booting
    std::set<std::string> known_;                // MACs and addresses that have a client
    std::map<std::string, std::string> scripts_; // of iPXE, by MAC: what all architectures get
    const SourceLine* tftp_root_ = nullptr;
    std::optional<std::string> unique_root_; // "mac" or "ip"
    std::vector<const SourceLine*> listen_;
    std::vector<const SourceLine*> interfaces_;
    bool has_menu_ = false;
    bool boots_pcs_ = false;
};

void Import::take(const SourceLine& line) {
    static const std::map<std::string, std::string> reasons = {
        {"bind-dynamic", "bootview shares its ports as it is"},
        {"bind-interfaces", "bootview shares its ports as it is"},
        {"conf-script", "it is a program; its output can be imported from a file"},
        {"dhcp-hostsdir", "name its files after the others"},
        {"dhcp-no-override", "machines get names in the fields that they look at"},
        {"tftp-mtu", "the size of blocks goes by the path to the client"},
        {"tftp-no-fail", "images may come at any time"},
        {"tftp-secure", "whose the files in an image are does not count"},
    };
    const auto& key = line.key;
    if (!line.mistake.empty()) {
        draft_.note(line, line.mistake);
    } else if (const auto why = rules_.left_out().find(&line); why != rules_.left_out().end()) {
        draft_.note(line, why->second);
    } else if (key == "dhcp-range") {
        if (!rules_.is_proxy())
            draft_.note(line, "bootview gives out no addresses; dnsmasq goes on doing that");
    } else if (key == "interface") {
        interfaces_.push_back(&line);
    } else if (key == "listen-address") {
        listen_.push_back(&line);
    } else if (key == "log-dhcp") {
        draft_.set("log-level", toml_text("debug"));
    } else if (const auto reason = reasons.find(key); reason != reasons.end()) {
        draft_.note(line, reason->second);
    } else if (!Rules::is_rule(key) && key != "conf-file" && key != "conf-dir" &&
               key != "dhcp-hostsfile" && !take_tftp(line)) {
        draft_.note(line, no_counterpart);
    }
}

bool Import::take_tftp(const SourceLine& line) {
    const auto& key = line.key;
    const bool is_number = !line.value.empty() && line.value.size() < 6 &&
                           line.value.find_first_not_of("0123456789") == std::string::npos;
    if (key == "enable-tftp") {
        if (!line.value.empty())
            draft_.note(line, "TFTP is on every interface, or on the address of listen");
    } else if (key == "tftp-root" && !line.value.empty()) {
        if (line.words.size() > 1)
            draft_.note(line, "a root of one interface alone is not to be had");
        else
            tftp_root_ = &line;
    } else if (key == "tftp-unique-root") {
        unique_root_ = line.value == "mac" || line.value == "MAC" ? "mac" : "ip"; // ip by default
    } else if (key == "tftp-lowercase") {
        draft_.set("fold-case", "true");
    } else if (key == "tftp-max" && is_number) {
        draft_.set("max-transfers", line.value);
    } else if (key == "tftp-no-blocksize") {
        draft_.set("max-blksize", "512");
    } else if (key == "tftp-single-port") {
        draft_.set("single-port", "true");
    } else if (key == "tftp-port-range" && line.words.size() == 2) {
        draft_.set("port-range", toml_text(line.words[0] + "-" + line.words[1]));
    } else {
        return false;
    }
    return true;
}

void Import::take_listen_address() {
    bool has_one = false;
    for (const auto* line : listen_)
        for (const auto& word : line->words) {
            const auto address = parse_address(word);
            if (word.empty() || !address)
                draft_.note(*line, "listen takes an address in numbers");
            else if (word.starts_with("127.") || word == "::1" || address->is_any())
                continue; // of DNS
            else if (std::exchange(has_one, true))
                draft_.note(*line, "listen takes one address; it has that of the line before");
            else
                draft_.set(*line, "listen", toml_text(word));
        }
}

// dnsmasq serves what lies below tftp-root by its whole path, too.
std::string Import::without_root(const std::string& file) const {
    if (!tftp_root_)
        return file;
    auto root = tftp_root_->value;
    while (root.ends_with('/'))
        root.pop_back();
    root += '/';
    return root.size() > 1 && file.starts_with(root) ? file.substr(root.size()) : file;
}

Gets Import::gets(const Machine& machine) {
    const auto told = rules_.told(machine);
    if (told.ignored)
        return {};
    Gets gets;
    for (const auto* service : told.menu) {
        used_.insert(service->line);
        if (service->text.starts_with("Raspberry Pi Boot"))
            continue; // for those alone; a PC with a BIOS gives up there
        if (service->other_server)
            draft_.note(*service->line, "there is no other boot server to be asked");
        else
            gets.menu.push_back(service);
    }
    // One program is told without a menu, unless somebody is to see it.
    const auto* only = gets.menu.size() == 1 ? gets.menu.front() : nullptr;
    if (only && (only->file.empty() || !rules_.prompt(machine))) {
        gets.menu.clear();
        if (!only->file.empty()) {
            gets.file = only->file;
            if (!only->server.empty())
                draft_.remark(fmt::format("dnsmasq sends machines to {}: run bootview there. They "
                                          "load from the host that it runs on.",
                                          only->server));
            return gets;
        }
        draft_.note(*only->line, "a menu of the local disk alone is not shown");
    }
    if (!gets.menu.empty() || told.file.empty())
        return gets;
    used_.insert(told.line);
    gets.file = without_root(told.file);
    if (gets.file != told.file)
        draft_.note(*told.line, "the path of tftp-root is left out in front: names begin at the "
                                "top of an image");
    if (!told.server.empty())
        draft_.remark(fmt::format("dnsmasq sends machines to {}: run bootview there. They load "
                                  "from the host that it runs on.",
                                  told.server));
    return gets;
}

void Import::take_programs() {
    for (const auto number : architectures_) {
        const auto what = gets({number});
        boots_pcs_ |= what != Gets{};
        if (is_http(number)) {
            if (what.file.starts_with("http"))
                draft_.add("http-boot", name_of(number) + "=" + what.file);
        } else if (!what.menu.empty()) {
            for (const auto* service : what.menu)
                add_menu(number, *service);
            take_prompt(number);
        } else if (!what.file.empty()) {
            draft_.add("boot-file", name_of(number) + "=" + what.file);
        }
    }
}

void Import::add_menu(unsigned architecture, const Service& service) {
    auto text = service.text;
    if (text.find(',') != std::string::npos)
        draft_.note(*service.line, "a text of the menu has no commas here: it has semicolons");
    std::replace(text.begin(), text.end(), ',', ';');
    draft_.add("pxe-menu", name_of(architecture) + "," + text +
                               (service.file.empty() ? "" : "," + service.file));
    has_menu_ = true;
}

void Import::take_prompt(unsigned architecture) {
    const auto* line = rules_.prompt({architecture});
    if (!line)
        return;
    used_.insert(line);
    auto words = line->words;
    while (words.size() > 1 && (words[0].starts_with("tag:") || words[0].starts_with("net:")))
        words.erase(words.begin());
    draft_.set("pxe-prompt", toml_text(words[0] + "," + (words.size() > 1 ? words[1] : "255")));
}

// iPXE is known here by itself, and gets a script instead of another program. There is one for all
// architectures; where that is not enough, a [[client]] for each.
void Import::take_scripts(const std::string& mac) {
    std::map<unsigned, std::string> scripts;
    std::set<std::string> different;
    for (const auto number : architectures_) {
        if (is_http(number))
            continue;
        const auto plain = gets({number, false, false, mac});
        const auto ipxe = gets({number, true, false, mac});
        if (ipxe == plain)
            continue;
        if (!ipxe.menu.empty())
            draft_.note(*ipxe.menu.front()->line, "a menu for iPXE alone is not to be had: a "
                                                  "script can show one");
        else if (ipxe.file.empty())
            draft_.remark("dnsmasq does not answer iPXE where it answers the PC itself; here it "
                          "is answered, too.");
        else
            different.insert(scripts[number] = ipxe.file);
    }
    if (different.size() == 1)
        scripts_[mac] = *different.begin();
    if (mac.empty() && different.size() == 1)
        draft_.set("ipxe-script", toml_text(*different.begin()));
    if (mac.empty() && different.size() > 1)
        for (const auto& [number, script] : scripts) {
            Draft::Client client;
            client.comments.emplace_back("iPXE gets another script on each architecture.");
            client.keys = {{"arch", toml_text(name_of(number))},
                           {"ipxe-script", toml_text(script)}};
            draft_.add(std::move(client));
        }
}

void Import::take_pis() {
    for (const auto& line : lines_) // what they alone are told is in their ROM, or in option 43
        if (const auto told = rules_.told({0, false, true}); told.line == &line)
            used_.insert(&line);
    if (const auto menu = rules_.pi_menu(); !menu.empty())
        draft_.set("pi-menu", toml_text(menu));
}

// False: it has no [[client]].
bool Import::explain(const Host& host) {
    const auto& line = *host.line;
    if (host.ignored) {
        draft_.note(line, "without a [[client]], and without adopt, a PC is not answered");
        return false;
    }
    if (host.macs.empty()) {
        draft_.note(line, "a [[client]] is known by its whole MAC, which is not here");
        return false;
    }
    if (!host.odd.empty())
        draft_.note(line, fmt::format("{} is nothing that a [[client]] can be known by", host.odd));
    return true;
}

void Import::take_hosts() {
    for (const auto& host : rules_.hosts()) {
        if (!explain(host))
            continue;
        for (const auto& mac : host.macs) {
            const auto* counts = rules_.host_of(mac);
            if (counts && counts != &host && host.line->key == "dhcp-host")
                draft_.note(*host.line, fmt::format("a later line counts for {}", mac));
            else if (known_.insert(mac).second)
                add_client(counts ? *counts : host, mac);
        }
    }
}

void Import::add_client(const Host& host, const std::string& mac) {
    Draft::Client client;
    if (!host.name.empty())
        client.keys.emplace_back("name", toml_text(host.name));
    client.keys.emplace_back("mac", toml_text(mac));
    if (!host.ip.empty() && known_.insert(host.ip).second)
        client.keys.emplace_back("ip", toml_text(host.ip));
    if (tftp_root_) {
        auto root = tftp_root_->value;
        while (root.size() > 1 && root.ends_with('/'))
            root.pop_back();
        auto own = unique_root_ == "mac" ? mac : host.ip;
        std::replace(own.begin(), own.end(), ':', '-');
        client.keys.emplace_back("root",
                                 toml_text(unique_root_ && !own.empty() ? root + "/" + own : root));
        client.comments.emplace_back(
            "To have it boot from an image, and follow its updates: root = \"NAME\"");
    }
    std::vector<Draft::Client> clients{std::move(client)};
    add_files(mac, clients);
    for (auto& one : clients)
        draft_.add(std::move(one));
}

// What this one is told that others are not. Which architecture it is of is not known: if that
// makes a difference, there is a [[client]] for each.
void Import::add_files(const std::string& mac, std::vector<Draft::Client>& clients) {
    std::map<unsigned, std::string> files;
    std::set<std::string> different;
    bool is_same = true;
    for (const auto number : architectures_) {
        if (is_http(number))
            continue;
        const auto own = gets({number, false, false, mac});
        const auto others = gets({number});
        for (const auto* service : own.menu)
            if (std::find(others.menu.begin(), others.menu.end(), service) == others.menu.end())
                draft_.note(*service->line, fmt::format("{} can't have a menu of its own", mac));
        files[number] = own.file;
        if (!own.file.empty())
            different.insert(own.file);
        is_same &= own.file == others.file;
    }
    take_scripts(mac);
    if (scripts_.contains(mac) && scripts_[mac] != scripts_[""])
        clients.front().keys.emplace_back("ipxe-script", toml_text(scripts_[mac]));
    if (is_same || different.empty())
        return;
    if (different.size() == 1) {
        clients.front().keys.emplace_back("boot-file", toml_text(*different.begin()));
        return;
    }
    std::map<std::string, std::string> names; // of architectures, by file
    for (const auto& [number, file] : files)
        if (!file.empty() && file != gets({number}).file)
            names[file] += (names[file].empty() ? "" : ", ") + toml_text(name_of(number));
    const auto whole = clients.front();
    std::vector<Draft::Client> narrow;
    for (const auto& [file, of_file] : names) {
        narrow.push_back(whole);
        narrow.back().keys.emplace_back("arch", "[" + of_file + "]");
        narrow.back().keys.emplace_back("boot-file", toml_text(file));
    }
    // The first that fits counts: the one for all the others comes last.
    clients.insert(clients.begin(), narrow.begin(), narrow.end());
}

void Import::take_roots() {
    if (tftp_root_)
        draft_.note(*tftp_root_, known_.empty()
                                     ? "TFTP serves what lies in images; only a [[client]] may "
                                       "have another root"
                                     : "each [[client]] has its own root; other machines get what "
                                       "lies in images");
}

void Import::take_interfaces() {
    for (const auto* line : interfaces_)
        for (const auto& name : line->words)
            if (!rules_.has_boot_lines() && !rules_.is_proxy())
                draft_.note(*line, no_counterpart);
            else if (name.find('*') != std::string::npos)
                draft_.note(*line, "interface takes a whole name");
            else if (name == "lo")
                draft_.note(*line, "nothing boots over it");
            else
                draft_.add("interface", name);
}

// Whether PCs are answered of which no line says anything.
bool Import::answers_strangers() const {
    return boots_pcs_ &&
           std::any_of(architectures_.begin(), architectures_.end(),
                       [&](unsigned number) { return !rules_.told({number}).ignored; });
}

void Import::finish() {
    for (const auto* line : rules_.boot_lines())
        if (!used_.contains(line) && !rules_.left_out().contains(line))
            draft_.note(*line, "no machine gets it: another line counts for all that it is for");
    for (const auto& service : rules_.services())
        if (!used_.contains(service.line) && !rules_.left_out().contains(service.line))
            draft_.note(*service.line, "no machine gets it");
    for (const auto& line : lines_)
        if (line.key == "pxe-prompt" && !used_.contains(&line))
            draft_.note(line, "there is no menu that it would stand over");
    if (!rules_.has_boot_lines() && !rules_.is_proxy())
        return;
    draft_.set("dhcp-proxy", "true");
    const bool strangers = answers_strangers();
    if (strangers)
        draft_.set("adopt", "true");
    if (rules_.is_proxy() && !rules_.has_pxe_lines())
        draft_.remark("As a DHCP proxy without pxe-service or pxe-prompt dnsmasq answers nobody; "
                      "here they are answered.");
    if (strangers)
        draft_.remark("dnsmasq answers every PC that boots from the network; so does adopt = "
                      "true.");
    draft_.remark("Take dnsmasq's own lines about booting away, or machines get two answers.");
}

} // namespace

void import_dnsmasq(Draft& draft, const std::vector<Source>& sources) {
    Import(draft, sources).run();
}

} // namespace bootview::config
