#include "bootview/config/dnsmasq_rules.h"

#include "bootview/dhcp_snippet.h"
#include "bootview/endpoint.h"
#include "common/lower_case.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace bootview::config::dnsmasq {

namespace {

using Words = std::vector<std::string>;

constexpr const char* unknown_sign =
    "nothing here tells machines apart by that: the tag counts as not set";
constexpr unsigned first_uefi = 6; // dnsmasq's: below it are PCs with a BIOS, and what never was

bool is_number(const std::string& text) {
    return !text.empty() && text.size() < 6 &&
           text.find_first_not_of("0123456789") == std::string::npos;
}

std::optional<unsigned> number_of(const std::string& text, int base = 10) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return value;
}

// "7", "0007", and as bytes "00:07".
std::optional<unsigned> architecture_of(const std::string& text) {
    if (text.find(':') == std::string::npos)
        return number_of(text);
    unsigned value = 0;
    for (const auto& byte : split(text, ':')) {
        const auto digits = number_of(byte, 16);
        if (!digits || *digits > 255)
            return std::nullopt;
        value = value << 8 | *digits;
    }
    return value;
}

bool is_tag(const std::string& word) {
    return word.starts_with("tag:") || word.starts_with("net:");
}

std::string without_set(const std::string& word) {
    return word.starts_with("set:") ? word.substr(4) : word;
}

// Takes the tags off the front.
Words take_tags(Words& words) {
    Words tags;
    while (!words.empty() && is_tag(words.front())) {
        tags.push_back(words.front().substr(4));
        words.erase(words.begin());
    }
    return tags;
}

// All of them; '#' for "not" is of old.
bool match(const Words& wanted, const std::set<std::string>& tags) {
    return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& tag) {
        const bool is_not = tag.starts_with('!') || tag.starts_with('#');
        return is_not ? !tags.contains(tag.substr(1)) : tags.contains(tag);
    });
}

bool is_mac(const std::string& word) {
    const auto bytes = split(word, ':');
    return bytes.size() == 6 && std::all_of(bytes.begin(), bytes.end(), [](const auto& byte) {
               return byte.size() <= 2 && number_of(byte, 16);
           });
}

// "02:0:0:0:0:1" has two digits for each, too.
std::string whole_mac(const std::string& word) {
    std::string mac;
    for (const auto& byte : split(lower_case(word), ':'))
        mac += (mac.empty() ? "" : ":") + std::string(2 - byte.size(), '0') + byte;
    return mac;
}

bool is_lease_time(const std::string& word) {
    return word == "infinite" ||
           (!word.empty() && word.front() >= '0' && word.front() <= '9' &&
            word.find_first_not_of("0123456789 ") >= word.size() - 1 &&
            std::string_view("0123456789smhdwSMHDW").find(word.back()) != std::string_view::npos);
}

bool is_ipv4(const std::string& word) {
    const auto address = parse_address(word);
    return !word.empty() && address && !address->is_any() && !address->is_ipv6();
}

// Of a client: PXE 2.1 §2.1, with what the UNDI is left open.
std::string vendor_class_of(const Machine& machine) {
    return fmt::format("{}:Arch:{:05}:UNDI:",
                       machine.architecture >= 15 && machine.architecture <= 20 ? "HTTPClient"
                                                                                : "PXEClient",
                       machine.architecture);
}

bool has_vendor_class(const Machine& machine, const std::string& part) {
    const auto undi = part.find(":UNDI:");
    return vendor_class_of(machine).find(undi == std::string::npos ? part : part.substr(0, undi)) !=
           std::string::npos;
}

// The text of the one menu (sub-option 9) in the bytes of option 43.
std::string menu_text(const std::string& bytes_in_hex) {
    std::string bytes;
    for (const auto& byte : split(bytes_in_hex, ':')) {
        const auto value = number_of(byte, 16);
        if (!value || *value > 255)
            return {};
        bytes += static_cast<char>(*value);
    }
    const auto at_byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
    for (std::size_t at = 0; at + 1 < bytes.size() && at_byte(at) != 255;
         at += 2U + at_byte(at + 1))
        if (at_byte(at) == 9 && at + 4 < bytes.size())
            return bytes.substr(at + 5, at_byte(at + 4));
    return {};
}

unsigned option_number(const std::string& word) {
    static const std::map<std::string, unsigned> names = {
        {"option:vendor-class", 60},      {"option:tftp-server", 66},
        {"option:bootfile-name", 67},     {"option:user-class", 77},
        {"option:client-arch", 93},       {"option:client-interface-id", 94},
        {"option:client-machine-id", 97}, {"option:tftp-server-address", 150}};
    if (is_number(word))
        return static_cast<unsigned>(std::stoul(word));
    const auto found = names.find(word);
    return found == names.end() ? 0 : found->second;
}

} // namespace

Rules::Rules(const std::vector<SourceLine>& lines) {
    for (const auto& line : lines)
        if (line.mistake.empty() && is_rule(line.key))
            add(line);
    note_what_is_for_nobody();
}

bool Rules::is_rule(const std::string& key) {
    static const std::set<std::string> keys = {
        "dhcp-boot",   "dhcp-host",         "dhcp-ignore", "dhcp-mac",       "dhcp-match",
        "dhcp-option", "dhcp-option-force", "dhcp-range",  "dhcp-userclass", "dhcp-vendorclass",
        "interface",   "pxe-prompt",        "pxe-service", "tag-if"};
    return keys.contains(key);
}

void Rules::add(const SourceLine& line) {
    const auto& key = line.key;
    auto words = line.words;
    if (key == "dhcp-match") {
        add_match(line);
    } else if (key == "dhcp-vendorclass" || key == "dhcp-userclass") {
        add_class(line, key == "dhcp-vendorclass");
    } else if (key == "dhcp-mac") {
        add_mac(line);
    } else if (key == "dhcp-host") {
        add_host(line);
    } else if (key == "dhcp-range") {
        add_range(line);
    } else if (key == "dhcp-boot") {
        add_boot(line);
    } else if (key.starts_with("dhcp-option")) {
        add_option(line);
    } else if (key == "pxe-service") {
        add_service(line);
    } else if (key == "pxe-prompt") {
        auto tags = take_tags(words);
        prompts_.push_back({&line, std::move(tags), {}});
        has_boot_lines_ = has_pxe_lines_ = true;
    } else if (key == "dhcp-ignore") {
        ignored_.push_back(take_tags(words));
    } else if (key == "interface") {
        interfaces_.insert(interfaces_.end(), words.begin(), words.end());
    } else if (key == "tag-if") {
        TagIf rule;
        for (const auto& word : words)
            (word.starts_with("set:") ? rule.sets : rule.wanted)
                .push_back(word.substr(std::min<std::size_t>(4, word.size())));
        tag_ifs_.push_back(std::move(rule));
    }
}

void Rules::set(const SourceLine& line, std::string tag, Sign sign, unsigned architecture,
                std::string text) {
    settings_.push_back({&line, std::move(tag), sign, architecture, std::move(text)});
    if (sign == Sign::never)
        left_out_[&line] = unknown_sign;
    if (sign == Sign::architecture)
        architectures_.insert(architecture);
}

// dhcp-match=set:TAG,OPTION[,VALUE]
void Rules::add_match(const SourceLine& line) {
    const auto& words = line.words;
    if (words.size() < 2) {
        left_out_[&line] = "it matches nothing";
        return;
    }
    const auto tag = is_tag(words[0]) ? words[0].substr(4) : without_set(words[0]);
    const auto option = option_number(words[1]);
    const auto value = words.size() == 3 ? std::optional(words[2]) : std::nullopt;
    // All clients of PXE send these, and only iPXE the others.
    static const std::set<unsigned> always{53, 55, 57, 60, 93, 94, 97};
    if (words.size() == 2 && always.contains(option))
        set(line, tag, Sign::always);
    else if ((words.size() == 2 && (option == 175 || option == 77)) ||
             (option == 77 && value && std::string_view("iPXE").find(*value) != std::string::npos))
        set(line, tag, Sign::ipxe);
    else if (option == 93 && value && architecture_of(*value))
        set(line, tag, Sign::architecture, *architecture_of(*value));
    else if (option == 60 && value)
        set(line, tag, Sign::vendor_class, 0, *value);
    else
        set(line, tag, Sign::never);
}

// dhcp-vendorclass=set:TAG,[enterprise:N,]TEXT and dhcp-userclass=set:TAG,TEXT
void Rules::add_class(const SourceLine& line, bool vendor) {
    const auto& words = line.words;
    if (words.size() != 2 || words[1].empty())
        set(line, without_set(words[0]), Sign::never);
    else if (!vendor)
        set(line, without_set(words[0]),
            std::string_view("iPXE").find(words[1]) != std::string::npos ? Sign::ipxe
                                                                         : Sign::never);
    else
        set(line, without_set(words[0]), Sign::vendor_class, 0, words[1]);
    const auto arch = line.value.find(":Arch:");
    if (vendor && arch != std::string::npos)
        if (const auto number = number_of(line.value.substr(arch + 6, 5)))
            architectures_.insert(*number);
}

// dhcp-mac=set:TAG,MAC
void Rules::add_mac(const SourceLine& line) {
    const auto& words = line.words;
    if (words.size() != 2)
        left_out_[&line] = "it has no MAC";
    else if (is_mac(words[1])) {
        Host host;
        host.line = &line;
        host.macs.push_back(whole_mac(words[1]));
        host.tags.insert(without_set(words[0]));
        hosts_.push_back(std::move(host));
    } else
        set(line, without_set(words[0]),
            is_maker_of_pis(lower_case(words[1]).substr(0, 8)) ? Sign::pi : Sign::never);
}

void Rules::add_host(const SourceLine& line) {
    Host host;
    host.line = &line;
    for (const auto& word : line.words)
        if (is_mac(word))
            host.macs.push_back(whole_mac(word));
        else if (word.starts_with("set:") || word.starts_with("net:"))
            host.tags.insert(word.substr(4));
        else if (word.starts_with("tag:"))
            host.wanted.push_back(word.substr(4));
        else if (word == "ignore")
            host.ignored = true;
        else if (is_ipv4(word))
            host.ip = word;
        else if (word.find_first_of("*[]:") != std::string::npos)
            host.odd = word;
        else if (!word.empty() && !is_lease_time(word))
            host.name = word;
    hosts_.push_back(std::move(host));
}

void Rules::add_range(const SourceLine& line) {
    Range range;
    for (const auto& word : line.words)
        if (is_tag(word))
            range.wanted.push_back(word.substr(4));
        else if (word.starts_with("set:"))
            range.sets = word.substr(4);
        else if (word == "proxy")
            is_proxy_ = true;
    ranges_.push_back(std::move(range));
}

// dhcp-boot=[tag:TAG,]FILE[,NAME[,SERVER]]
void Rules::add_boot(const SourceLine& line) {
    auto words = line.words;
    Boot boot;
    boot.line = &line;
    boot.tags = take_tags(words);
    if (!words.empty())
        boot.file = words[0];
    if (words.size() > 1)
        boot.server = words.size() > 2 && !words[2].empty() ? words[2] : words[1];
    boots_.push_back(std::move(boot));
    has_boot_lines_ = true;
}

// dhcp-option=[TAG,]OPTION,VALUE: what says the same as another line.
void Rules::add_option(const SourceLine& line) {
    auto words = line.words;
    Words tags;
    while (!words.empty() && option_number(words.front()) == 0 &&
           words.front().find(':') == words.front().find("tag:") + 3) {
        tags.push_back(words.front().substr(4));
        words.erase(words.begin());
    }
    const auto option = words.size() < 2 ? 0 : option_number(words[0]);
    if (option == 67) {
        boots_.push_back({&line, std::move(tags), words[1], {}, true});
        has_boot_lines_ = true;
    } else if (option == 66 || option == 150) {
        left_out_[&line] = fmt::format(
            "machines load from the host that bootview runs on; run it on {}", words[1]);
    } else if (const auto text = option == 43 ? menu_text(words[1]) : ""; !text.empty()) {
        pi_menus_.push_back({&line, std::move(tags), text});
        has_boot_lines_ = true;
    } else {
        left_out_[&line] = "it stays with dnsmasq, which gives it out together with addresses";
    }
}

// pxe-service=[tag:TAG,]ARCHITECTURE,TEXT[,FILE|TYPE[,SERVER]]
void Rules::add_service(const SourceLine& line) {
    static constexpr std::array<std::string_view, 12> names{
        "x86pc",    "pc98",       "ia64_efi",   "alpha",  "arc_x86",   "intel_lean_client",
        "ia32_efi", "x86-64_efi", "xscale_efi", "bc_efi", "arm32_efi", "arm64_efi"};
    auto words = line.words;
    Service service;
    service.line = &line;
    service.tags = take_tags(words);
    has_boot_lines_ = has_pxe_lines_ = true;
    if (words.size() < 2) {
        left_out_[&line] = "it has no text; dnsmasq does not start with that";
        return;
    }
    const auto name = std::find(names.begin(), names.end(), lower_case(words[0]));
    const auto number = number_of(words[0]);
    if (name == names.end() && !number) {
        left_out_[&line] = "no machine of this kind is known";
        return;
    }
    service.architecture =
        name == names.end() ? *number : static_cast<unsigned>(name - names.begin());
    service.text = words[1];
    if (words.size() > 2 && is_number(words[2]))
        service.other_server = number_of(words[2]) != 0U;
    else if (words.size() > 2) // a base name gets the number of the layer
        service.file = words[2].find('.') == std::string::npos ? words[2] + ".0" : words[2];
    if (words.size() > 3)
        service.server = words[3];
    architectures_.insert(service.architecture);
    services_.push_back(std::move(service));
}

// Tags that are asked for and not set, and the other way round.
void Rules::note_what_is_for_nobody() {
    Tags known{"known", "bootp", "known-othernet"};
    known.insert(interfaces_.begin(), interfaces_.end());
    for (const auto& setting : settings_)
        known.insert(setting.tag);
    for (const auto& host : hosts_)
        known.insert(host.tags.begin(), host.tags.end());
    for (const auto& range : ranges_)
        known.insert(range.sets);
    for (const auto& rule : tag_ifs_)
        known.insert(rule.sets.begin(), rule.sets.end());
    Tags wanted;
    const auto look = [&](const SourceLine* line, const Words& tags) {
        for (const auto& tag : tags) {
            const auto plain = tag.substr(tag.starts_with('!') || tag.starts_with('#') ? 1 : 0);
            wanted.insert(plain);
            if (line && plain == tag && !known.contains(plain))
                left_out_[line] = fmt::format("no line sets the tag {}", plain);
        }
    };
    for (const auto& boot : boots_) {
        look(boot.line, boot.tags);
        if (boot.is_option && is_proxy_)
            left_out_[boot.line] = "as a DHCP proxy dnsmasq does not send it";
    }
    for (const auto& service : services_)
        look(service.line, service.tags);
    for (const auto& list : {prompts_, pi_menus_})
        for (const auto& tagged : list)
            look(tagged.line, tagged.tags);
    for (const auto& host : hosts_)
        look(nullptr, host.wanted);
    for (const auto& range : ranges_)
        look(nullptr, range.wanted);
    for (const auto& rule : tag_ifs_)
        look(nullptr, rule.wanted);
    for (const auto& tags : ignored_)
        look(nullptr, tags);
    for (const auto& setting : settings_)
        if (setting.sign != Sign::never && !wanted.contains(setting.tag))
            left_out_[setting.line] =
                fmt::format("no line about booting asks for the tag {}", setting.tag);
}

Rules::Tags Rules::tags_of(const Machine& machine) const {
    Tags tags;
    for (const auto& setting : settings_)
        if (setting.sign == Sign::always || (setting.sign == Sign::ipxe && machine.ipxe) ||
            (setting.sign == Sign::pi && machine.pi) ||
            (setting.sign == Sign::architecture && setting.architecture == machine.architecture) ||
            (setting.sign == Sign::vendor_class && has_vendor_class(machine, setting.text)))
            tags.insert(setting.tag);
    // A dhcp-mac adds to what a dhcp-host says.
    for (const auto& host : hosts_)
        if (host.line->key == "dhcp-mac" && host.macs.front() == machine.mac)
            tags.insert(host.tags.begin(), host.tags.end());
    // Where there is one interface, or one network, all come over it.
    if (interfaces_.size() == 1)
        tags.insert(interfaces_.front());
    if (const auto* host = host_of(machine.mac); host && match(host->wanted, tags)) {
        tags.insert(host->tags.begin(), host->tags.end());
        tags.insert("known");
    }
    if (ranges_.size() == 1 && !ranges_.front().sets.empty())
        tags.insert(ranges_.front().sets);
    for (const auto& rule : tag_ifs_)
        if (match(rule.wanted, tags))
            tags.insert(rule.sets.begin(), rule.sets.end());
    return tags;
}

// find_boot(): the last that has tags, and only then those without.
const Rules::Boot* Rules::boot_for(const Tags& tags) const {
    for (const bool is_option : {false, true})
        for (const bool with_tags : {true, false})
            for (auto boot = boots_.rbegin(); boot != boots_.rend(); ++boot)
                if (boot->is_option == is_option && boot->tags.empty() != with_tags &&
                    !(is_option && is_proxy_) && match(boot->tags, tags))
                    return &*boot;
    return nullptr;
}

Told Rules::told(const Machine& machine) const {
    const auto tags = tags_of(machine);
    Told told;
    const auto* host = host_of(machine.mac);
    told.ignored = (host && host->ignored) ||
                   (!ranges_.empty() &&
                    std::none_of(ranges_.begin(), ranges_.end(),
                                 [&](const Range& range) { return match(range.wanted, tags); })) ||
                   std::any_of(ignored_.begin(), ignored_.end(), [&](const Words& wanted) {
                       return !wanted.empty() && match(wanted, tags);
                   });
    if (const auto* boot = boot_for(tags)) {
        told.file = boot->file;
        told.line = boot->line;
        told.server = boot->server;
    }
    for (const auto& service : services_)
        if (service.architecture == machine.architecture && match(service.tags, tags))
            told.menu.push_back(&service);
    const auto with_file = [](const Service* service) { return !service->file.empty(); };
    if (machine.architecture < first_uefi)
        return told;
    // pxe_uefi_workaround(): one program is told without a menu.
    const auto programs = std::count_if(told.menu.begin(), told.menu.end(), with_file);
    if (programs == 0)
        told.menu.clear();
    if (programs == 1) {
        const auto* service = *std::find_if(told.menu.begin(), told.menu.end(), with_file);
        told.file = service->file;
        told.line = service->line;
        told.server = service->server;
        told.menu.clear();
    }
    return told;
}

const SourceLine* Rules::prompt(const Machine& machine) const {
    const auto tags = tags_of(machine);
    for (auto prompt = prompts_.rbegin(); prompt != prompts_.rend(); ++prompt)
        if (match(prompt->tags, tags))
            return prompt->line;
    return nullptr;
}

std::string Rules::pi_menu() const {
    Machine pi;
    pi.pi = true;
    for (const auto* service : told(pi).menu)
        if (service->text.starts_with("Raspberry Pi Boot"))
            return service->text;
    const auto tags = tags_of(pi);
    for (const auto& menu : pi_menus_)
        if (match(menu.tags, tags) && menu.text.starts_with("Raspberry Pi Boot"))
            return menu.text;
    return {};
}

const Host* Rules::host_of(const std::string& mac) const {
    if (!mac.empty())
        for (auto host = hosts_.rbegin(); host != hosts_.rend(); ++host)
            if (host->line->key == "dhcp-host" &&
                std::find(host->macs.begin(), host->macs.end(), mac) != host->macs.end())
                return &*host;
    return nullptr;
}

std::vector<const SourceLine*> Rules::boot_lines() const {
    std::vector<const SourceLine*> lines;
    for (const auto& boot : boots_)
        lines.push_back(boot.line);
    return lines;
}

} // namespace bootview::config::dnsmasq
