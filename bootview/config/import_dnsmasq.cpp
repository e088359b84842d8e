// dnsmasq's lines about booting (dnsmasq(8)): DHCP, PXE and TFTP. It goes on giving out addresses.
#include "bootview/config/draft.h"
#include "bootview/endpoint.h"
#include "bootview/lower_case.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

namespace bootview::config {

namespace {

constexpr std::string_view no_counterpart = "nothing here is like it; it stays with dnsmasq";

// What tftp-bridge calls the architectures that dnsmasq has names or numbers for; empty: none.
std::string architecture_of(std::string text) {
    static const std::map<std::string, std::string> names = {
        {"x86PC", "bios"},      {"IA64_EFI", "itanium"}, {"IA32_EFI", "ia32"},
        {"X86-64_EFI", "x64"},  {"x86-64_EFI", "x64"},   {"BC_EFI", "ebc"},
        {"ARM32_EFI", "arm32"}, {"ARM64_EFI", "arm64"},  {"0", "bios"},
        {"2", "itanium"},       {"6", "ia32"},           {"7", "x64"},
        {"9", "ebc"},           {"10", "arm32"},         {"11", "arm64"}};
    text.erase(0, std::min(text.find_first_not_of('0'), text.size() - 1)); // "00007"
    const auto found = names.find(text);
    return found == names.end() ? std::string() : found->second;
}

std::string without_quotes(std::string text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
        return text.substr(1, text.size() - 2);
    return text;
}

// At commas, but not those between quotes.
std::vector<std::string> words_of(const std::string& value) {
    std::vector<std::string> words{""};
    bool quoted_text = false;
    for (const char c : value) {
        quoted_text ^= c == '"';
        if (c == ',' && !quoted_text)
            words.emplace_back();
        else
            words.back() += c;
    }
    for (auto& word : words)
        word = without_quotes(trimmed(word));
    return words;
}

// Takes the tags off the front: "tag:efi", in old files "net:efi".
std::vector<std::string> take_tags(std::vector<std::string>& words) {
    std::vector<std::string> tags;
    while (!words.empty() &&
           (words.front().starts_with("tag:") || words.front().starts_with("net:"))) {
        tags.push_back(words.front().substr(4));
        words.erase(words.begin());
    }
    return tags;
}

bool is_lease_time(const std::string& word) {
    return word == "infinite" ||
           (!word.empty() &&
            std::string_view("0123456789").find(word.front()) != std::string::npos &&
            word.find_first_not_of("0123456789smhdw") == std::string::npos);
}

bool is_mac(const std::string& word) {
    const auto bytes = split(word, ':');
    return bytes.size() == 6 && std::all_of(bytes.begin(), bytes.end(), [](const auto& byte) {
               return byte.size() == 2 &&
                      byte.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
           });
}

struct Host {
    SourceLine line;
    std::vector<std::string> macs;
    std::string name;
    std::string ip;
    std::set<std::string> tags;
};

class Import {
public:
    explicit Import(const std::vector<Source>& sources) : draft_("dnsmasq", sources) {
        for (const auto& source : sources)
            for (auto& line : lines_of(source))
                lines_.push_back(std::move(line));
    }

    std::string text() {
        // Tags first: they may be used before they are set.
        for (const auto& line : lines_)
            learn_tags(line);
        for (const auto& line : lines_)
            take(line);
        finish();
        return draft_.text();
    }

private:
    void learn_tags(const SourceLine& line);
    void take(const SourceLine& line);
    bool take_tftp(const SourceLine& line);
    void take_host(const SourceLine& line);
    void take_boot(const SourceLine& line);
    void take_service(const SourceLine& line);
    void take_prompt(const SourceLine& line);
    void take_listen_address(const SourceLine& line);
    void add_client(const Host& host, const std::string& mac);
    void finish();

    Draft draft_;
    std::vector<SourceLine> lines_;
    std::map<std::string, std::string> architectures_; // by tag
    std::set<std::string> ipxe_tags_;
    std::set<std::string> used_architectures_;
    std::vector<Host> hosts_;
    std::map<std::string, std::string> files_of_tags_; // of hosts
    std::set<std::string> known_;                      // MACs and addresses that have a client
    std::optional<SourceLine> tftp_root_;
    std::optional<std::string> unique_root_; // "mac" or "ip"
    std::optional<SourceLine> listen_;
    std::vector<SourceLine> interfaces_;
    bool boots_ = false;
};

void Import::learn_tags(const SourceLine& line) {
    const auto words = words_of(line.value);
    if (words.size() < 2 || !words[0].starts_with("set:"))
        return;
    const auto tag = words[0].substr(4);
    if (line.key == "dhcp-match" && words.size() == 3 &&
        (words[1] == "option:client-arch" || words[1] == "93"))
        architectures_[tag] = architecture_of(words[2]);
    else if (line.key == "dhcp-vendorclass" && words[1].starts_with("PXEClient:Arch:"))
        architectures_[tag] = architecture_of(words[1].substr(15, 5));
    else if ((line.key == "dhcp-match" && words[1] == "175") ||
             (line.key == "dhcp-userclass" && words[1] == "iPXE"))
        ipxe_tags_.insert(tag);
}

void Import::take(const SourceLine& line) {
    const auto& key = line.key;
    const auto words = words_of(line.value);
    if (key == "dhcp-match" || key == "dhcp-vendorclass" || key == "dhcp-userclass") {
        const auto tag = words[0].starts_with("set:") ? words[0].substr(4) : "";
        const auto found = architectures_.find(tag);
        if (!ipxe_tags_.contains(tag) && (found == architectures_.end() || found->second.empty()))
            draft_.note(line, no_counterpart);
    } else if (key == "dhcp-range") {
        if (std::find(words.begin(), words.end(), "proxy") != words.end())
            boots_ = true;
        else
            draft_.note(line, "bootview gives out no addresses; dnsmasq goes on doing that");
    } else if (key == "interface") {
        interfaces_.push_back(line);
    } else if (key == "listen-address") {
        take_listen_address(line);
    } else if (key == "dhcp-host") {
        take_host(line);
    } else if (key == "dhcp-boot") {
        take_boot(line);
    } else if (key == "pxe-service") {
        take_service(line);
    } else if (key == "pxe-prompt") {
        take_prompt(line);
    } else if (key == "log-dhcp") {
        draft_.set("log-level", toml_text("debug"));
    } else if (key != "conf-file" && key != "conf-dir" && !take_tftp(line)) {
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
        tftp_root_ = line;
        if (line.value.find(',') != std::string::npos)
            draft_.note(line, "a root of one interface alone is not to be had");
    } else if (key == "tftp-unique-root") {
        unique_root_ = line.value == "mac" ? "mac" : "ip"; // ip by default
    } else if (key == "tftp-lowercase") {
        draft_.set("fold-case", "true");
    } else if (key == "tftp-max" && is_number) {
        draft_.set("max-transfers", line.value);
    } else if (key == "tftp-no-blocksize") {
        draft_.set("max-blksize", "512");
    } else if (key == "tftp-single-port") {
        draft_.set("single-port", "true");
    } else if (key == "tftp-port-range") {
        const auto words = words_of(line.value);
        if (words.size() != 2)
            return false;
        draft_.set("port-range", toml_text(words[0] + "-" + words[1]));
    } else {
        return false;
    }
    return true;
}

void Import::take_listen_address(const SourceLine& line) {
    const auto address = parse_address(line.value);
    if (line.value.empty() || !address)
        draft_.note(line, "listen takes one address");
    else if (listen_)
        draft_.note(line, "listen takes one address; it has that of the line before");
    else if (!address->is_any()) {
        listen_ = line;
        draft_.set("listen", toml_text(line.value));
    }
}

void Import::take_host(const SourceLine& line) {
    Host host;
    host.line = line;
    std::string left;
    for (const auto& word : words_of(line.value)) {
        const auto address = parse_address(word);
        if (is_mac(word))
            host.macs.push_back(lower_case(word)); // as it writes them: tftp-unique-root
        else if (word.starts_with("set:") || word.starts_with("net:"))
            host.tags.insert(word.substr(4));
        else if (!word.empty() && address && !address->is_any() && !address->is_ipv6())
            host.ip = word;
        else if (word == "ignore" || word.starts_with("id:") || word.starts_with("tag:") ||
                 word.find_first_of("*[]:") != std::string::npos)
            left = word;
        else if (!is_lease_time(word))
            host.name = word;
    }
    if (left == "ignore")
        draft_.note(line, "without a [[client]], and without adopt, a PC is not answered");
    else if (host.macs.empty())
        draft_.note(line, "a [[client]] is known by its whole MAC, which is not here");
    else if (!left.empty())
        draft_.note(line, fmt::format("{} is nothing that a [[client]] can be known by", left));
    if (!host.macs.empty() && left != "ignore")
        hosts_.push_back(std::move(host));
}

void Import::take_boot(const SourceLine& line) {
    auto words = words_of(line.value);
    auto tags = take_tags(words);
    const auto file = words.empty() ? std::string() : words.front();
    // "all but iPXE", which here gets something else by itself.
    std::erase_if(tags, [&](const std::string& tag) {
        return tag.starts_with('!') && ipxe_tags_.contains(tag.substr(1));
    });
    boots_ = true;
    const auto tag = tags.empty() ? std::string() : tags.front();
    const auto architecture = architectures_.find(tag);
    if (file.empty() || tags.size() > 1)
        draft_.note(line, "no rule here has several conditions; write a [[client]]");
    else if (tag.empty() && used_architectures_.insert("bios").second)
        draft_.add("boot-file", "bios=" + file);
    else if (ipxe_tags_.contains(tag))
        draft_.set("ipxe-script", toml_text(file));
    else if (architecture != architectures_.end() && !architecture->second.empty() &&
             used_architectures_.insert(architecture->second).second)
        draft_.add("boot-file", architecture->second + "=" + file);
    else if (std::any_of(lines_.begin(), lines_.end(), [&](const SourceLine& other) {
                 return other.key == "dhcp-host" &&
                        other.value.find("set:" + tag) != std::string::npos;
             }))
        files_of_tags_[tag] = file;
    else
        draft_.note(line, "it is not clear for which machines that is; see boot-file");
    if (words.size() > 2 && !words[2].empty())
        draft_.note(line, fmt::format("machines load from here, not from {}", words[2]));
    else if (tag.empty())
        draft_.note(line, "it is for PCs with a BIOS here; others get what is found for them");
}

void Import::take_service(const SourceLine& line) {
    auto words = words_of(line.value);
    const auto tags = take_tags(words);
    const auto architecture = words.empty() ? "" : architecture_of(words[0]);
    boots_ = true;
    if (!tags.empty() || words.size() < 2 || architecture.empty()) {
        draft_.note(line, !tags.empty() ? "the menu is the same for all of an architecture"
                                        : "no machine of this kind is known");
        return;
    }
    if (words[1].starts_with("Raspberry Pi Boot")) {
        draft_.set("pi-menu", toml_text(words[1]));
        return;
    }
    auto file = words.size() > 2 ? words[2] : "";
    const bool is_type = file.find_first_not_of("0123456789") == std::string::npos;
    if (words[1].find(',') != std::string::npos || (is_type && !file.empty() && file != "0"))
        draft_.note(line, is_type ? "there is no other boot server to be asked"
                                  : "a text of the menu has no commas");
    else if (is_type)
        draft_.add("pxe-menu", architecture + "," + words[1]); // the local disk
    else
        draft_.add("pxe-menu", architecture + "," + words[1] + "," +
                                   // a base name gets the number of the layer
                                   (file.find('.') == std::string::npos ? file + ".0" : file));
    if (words.size() > 3)
        draft_.note(line, fmt::format("machines load from here, not from {}", words[3]));
}

void Import::take_prompt(const SourceLine& line) {
    const auto words = words_of(line.value);
    draft_.set("pxe-prompt", toml_text(words.size() > 1 ? words[0] + "," + words[1] : words[0]));
    boots_ = true;
}

void Import::add_client(const Host& host, const std::string& mac) {
    if (!known_.insert(mac).second) {
        draft_.note(host.line, fmt::format("{} has a [[client]] already", mac));
        return;
    }
    Draft::Client client;
    if (!host.name.empty())
        client.keys.emplace_back("name", toml_text(host.name));
    client.keys.emplace_back("mac", toml_text(mac));
    if (!host.ip.empty() && known_.insert(host.ip).second)
        client.keys.emplace_back("ip", toml_text(host.ip));
    if (tftp_root_) {
        auto root = tftp_root_->value.substr(0, tftp_root_->value.find(','));
        while (root.size() > 1 && root.ends_with('/'))
            root.pop_back();
        auto own = unique_root_ == "mac" ? mac : host.ip;
        std::replace(own.begin(), own.end(), ':', '-');
        client.keys.emplace_back("root",
                                 toml_text(unique_root_ && !own.empty() ? root + "/" + own : root));
        client.comments.emplace_back(
            "To have it boot from an image, and follow its updates: root = \"NAME\"");
    }
    for (const auto& tag : host.tags)
        if (const auto file = files_of_tags_.find(tag); file != files_of_tags_.end())
            client.keys.emplace_back("boot-file", toml_text(file->second));
    draft_.add(std::move(client));
}

void Import::finish() {
    for (const auto& host : hosts_)
        for (const auto& mac : host.macs)
            add_client(host, mac);
    if (tftp_root_)
        draft_.note(*tftp_root_, hosts_.empty()
                                     ? "TFTP serves what lies in images; only a [[client]] may "
                                       "have another root"
                                     : "each [[client]] has its own root; other machines get what "
                                       "lies in images");
    for (const auto& line : interfaces_)
        if (!boots_ || line.value.find('*') != std::string::npos)
            draft_.note(line, boots_ ? "interface takes a whole name" : no_counterpart);
        else
            for (const auto& name : words_of(line.value))
                draft_.add("interface", name);
    if (!boots_)
        return;
    draft_.set("dhcp-proxy", "true");
    draft_.set("adopt", "true");
    draft_.remark("dnsmasq answers every PC that boots from the network; so does adopt = true. "
                  "Take its own lines\n#     about booting away, or machines get two answers.");
}

} // namespace

std::string import_dnsmasq(const std::vector<Source>& sources) {
    return Import(sources).text();
}

} // namespace bootview::config
