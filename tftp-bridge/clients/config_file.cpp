#include "tftp-bridge/clients/config_file.h"

#include "common/descriptor.h"
#include "common/nearest_word.h"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>

namespace bootview::clients {
namespace {

unsigned line_of(const toml::node& node) {
    return node.source().begin.line;
}

unsigned line_of(const toml::key& key) {
    return key.source().begin.line;
}

// Where a message is about, for all messages alike.
class Place {
public:
    explicit Place(const LineOrigins& origins) : origins_(origins) {}

    template<typename... Args>
    [[noreturn]] void fail(unsigned line, fmt::format_string<Args...> format,
                           Args&&... args) const {
        throw ConfigError(fmt::format("{}: {}", origins_.of(line),
                                      fmt::format(format, std::forward<Args>(args)...)));
    }

    std::string also(unsigned line) const { return origins_.also(line); }

private:
    const LineOrigins& origins_;
};

// So that one mistake does not hide the next.
class Problems {
public:
    template<typename Work>
    void attempt(Work&& work) {
        try {
            work();
        } catch (const ConfigError& error) {
            all_ += (all_.empty() ? "" : "\n") + std::string(error.what());
        }
    }
    void throw_if_any() const {
        if (!all_.empty())
            throw ConfigError(all_);
    }

private:
    std::string all_;
};

std::string text_of(const toml::node& node, std::string_view key, const Place& place) {
    const auto* text = node.as_string();
    if (!text)
        place.fail(line_of(node), "{} is a text; write {} = \"...\"", key, key);
    return text->get();
}

// One value of an option, as it would be typed.
std::string option_value(const toml::node& node, std::string_view key, const Place& place) {
    if (const auto* text = node.as_string())
        return text->get();
    if (const auto* number = node.as_integer())
        return fmt::format("{}", number->get());
    if (const auto* number = node.as_floating_point())
        return fmt::format("{}", number->get());
    if (const auto* truth = node.as_boolean())
        return truth->get() ? "true" : "false";
    place.fail(line_of(node), "{} is a text, a number, true or false, or a list of those", key);
}

std::vector<std::string> option_values(const toml::node& node, std::string_view key,
                                       const Place& place) {
    std::vector<std::string> values;
    if (const auto* list = node.as_array())
        for (const auto& element : *list)
            values.push_back(option_value(element, key, place));
    else
        values.push_back(option_value(node, key, place));
    return values;
}

std::vector<dhcp::Architecture> architectures_of(const toml::node& node, const Place& place) {
    std::vector<dhcp::Architecture> architectures;
    for (const auto& value : option_values(node, "arch", place)) {
        const auto architecture = dhcp::architecture_from_text(value);
        if (!architecture) {
            const auto& names = dhcp::architecture_names();
            place.fail(
                line_of(node),
                "arch \"{}\" is not known; did you mean {}? A number of RFC 4578 will do too",
                value, nearest(value, {names.begin(), names.end()}));
        }
        architectures.push_back(*architecture);
    }
    return architectures;
}

std::string root_of(const toml::node& node, const Place& place) {
    auto root = text_of(node, "root", place);
    while (root.size() > 1 && root.ends_with('/'))
        root.pop_back();
    if (root.empty())
        place.fail(line_of(node), "root is empty; name a directory, or leave the line out");
    if (root[0] != '/' && (root == ".." || root.starts_with("../") || root.ends_with("/..") ||
                           root.find("/../") != std::string::npos))
        place.fail(line_of(node),
                   "root \"{}\" leads out of --root; write it with a / in front, as "
                   "an absolute path",
                   root);
    return root;
}

// Something that goes into the 128 bytes of a DHCP header's field.
std::string boot_file_of(const toml::node& node, std::string_view key, const Place& place) {
    auto file = text_of(node, key, place);
    if (file.empty() || file.size() > dhcp::max_file_bytes)
        place.fail(line_of(node), "{} has {} bytes; DHCP takes names from 1 to {} bytes", key,
                   file.size(), dhcp::max_file_bytes);
    return file;
}

// What each key of a [[client]] does. In alphabetical order, as in the manual.
using SetKey = std::function<void(ClientRecord&, const toml::node&, const Place&)>;
const std::map<std::string, SetKey>& client_keys() {
    static const std::map<std::string, SetKey> keys = {
        {"arch", [](ClientRecord& record, const toml::node& node,
                    const Place& place) { record.architectures = architectures_of(node, place); }},
        {"boot-file",
         [](ClientRecord& record, const toml::node& node, const Place& place) {
             record.boot_file = boot_file_of(node, "boot-file", place);
         }},
        {"http-boot",
         [](ClientRecord& record, const toml::node& node, const Place& place) {
             record.http_boot = text_of(node, "http-boot", place);
         }},
        {"ip",
         [](ClientRecord& record, const toml::node& node, const Place& place) {
             const auto text = text_of(node, "ip", place);
             record.ip = AddressRange::from_text(text);
             if (!record.ip)
                 place.fail(line_of(node),
                            "ip \"{}\" is no IPv4 address; write 192.0.2.7, or 192.0.2.0/24 for "
                            "all that begin so",
                            text);
         }},
        {"ipxe-script",
         [](ClientRecord& record, const toml::node& node, const Place& place) {
             record.ipxe_script = boot_file_of(node, "ipxe-script", place);
         }},
        {"mac",
         [](ClientRecord& record, const toml::node& node, const Place& place) {
             const auto text = text_of(node, "mac", place);
             record.mac = dhcp::Mac::from_text(text);
             if (!record.mac)
                 place.fail(line_of(node), "mac \"{}\" is no MAC address; write dc:a6:32:01:36:c2",
                            text);
         }},
        {"name", [](ClientRecord& record, const toml::node& node,
                    const Place& place) { record.name = text_of(node, "name", place); }},
        {"prefix",
         [](ClientRecord& record, const toml::node& node, const Place& place) {
             record.prefix = text_of(node, "prefix", place);
             while (record.prefix.ends_with('/'))
                 record.prefix.pop_back();
             if (record.prefix.empty() || record.prefix.find('/') != std::string::npos)
                 place.fail(line_of(node),
                            "prefix is one name, the TFTP_PREFIX_STR of a Raspberry Pi without "
                            "its / at the end");
         }},
        {"root", [](ClientRecord& record, const toml::node& node,
                    const Place& place) { record.root = root_of(node, place); }},
        {"serial",
         [](ClientRecord& record, const toml::node& node, const Place& place) {
             const auto text = text_of(node, "serial", place);
             record.serial = serial_from_text(text);
             if (!record.serial)
                 place.fail(line_of(node),
                            "serial \"{}\" is no serial number; write the 8 or 16 hexadecimal "
                            "digits that /proc/cpuinfo shows",
                            text);
         }},
        {"uuid",
         [](ClientRecord& record, const toml::node& node, const Place& place) {
             const auto text = text_of(node, "uuid", place);
             record.uuid = uuid_from_text(text);
             if (!record.uuid)
                 place.fail(line_of(node),
                            "uuid \"{}\" is no UUID; write it as dmidecode -s system-uuid does",
                            text);
         }},
    };
    return keys;
}

std::string default_name(const ClientRecord& record, const Place& place) {
    if (!record.name.empty())
        return record.name;
    if (record.serial)
        return *record.serial;
    if (record.mac)
        return record.mac->to_string();
    if (!record.prefix.empty())
        return record.prefix;
    return "client of " + place.also(record.line);
}

ClientRecord client_of(const toml::table& table, const Place& place) {
    ClientRecord record;
    record.line = line_of(table);
    for (const auto& [key, node] : table) {
        const auto known = client_keys().find(std::string(key.str()));
        if (known == client_keys().end()) {
            std::vector<std::string> names;
            for (const auto& [name, set] : client_keys())
                names.push_back(name);
            place.fail(line_of(key), "[[client]] has no key {}; did you mean {}?", key.str(),
                       nearest(key.str(), names));
        }
        known->second(record, node, place);
    }
    if (!record.serial && !record.mac && !record.uuid && !record.ip && record.prefix.empty() &&
        record.architectures.empty())
        place.fail(record.line, "this [[client]] does not say which machine it is; add serial, "
                                "mac, uuid, ip, prefix or arch");
    record.name = default_name(record, place);
    return record;
}

// The same machine twice is a slip: the second would never be looked at.
void refuse_twins(const std::vector<ClientRecord>& records, const Place& place) {
    for (std::size_t i = 0; i < records.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) {
            const auto& a = records[j];
            const auto& b = records[i];
            if (!a.architectures.empty() || !b.architectures.empty())
                continue; // may be one for each
            const char* key = a.serial && a.serial == b.serial            ? "serial"
                              : a.mac && a.mac == b.mac                   ? "mac"
                              : a.uuid && a.uuid == b.uuid                ? "uuid"
                              : a.ip && a.ip == b.ip                      ? "ip"
                              : !a.prefix.empty() && a.prefix == b.prefix ? "prefix"
                                                                          : nullptr;
            if (key)
                place.fail(b.line,
                           "this [[client]] has the {} of the one in {}; put "
                           "everything into one of them",
                           key, place.also(a.line));
        }
}

void read_clients(const toml::key& key, const toml::node& node, std::vector<ClientRecord>& clients,
                  Problems& problems, const Place& place) {
    const auto* list = node.as_array();
    if (!list || !list->is_homogeneous<toml::table>())
        place.fail(line_of(key), "a client begins with a line [[client]], in two brackets");
    for (const auto& element : *list)
        problems.attempt(
            [&, &table = *element.as_table()] { clients.push_back(client_of(table, place)); });
}

ConfigOption option_of(const toml::key& key, const toml::node& node,
                       const std::vector<std::string>& option_names, const Place& place) {
    const std::string name(key.str());
    if (std::find(option_names.begin(), option_names.end(), name) == option_names.end()) {
        auto valid = option_names;
        valid.push_back("client");
        place.fail(line_of(key), "there is no option {}; did you mean {}?", name,
                   nearest(name, valid));
    }
    return {name, option_values(node, name, place), line_of(key)};
}

} // namespace

ConfigFile parse_config(std::string_view text, const std::string& file,
                        const std::vector<std::string>& option_names) {
    ConfigFile config;
    config.origins = LineOrigins(text, file);
    const Place place(config.origins);
    toml::table table;
    try {
        table = toml::parse(text, file);
    } catch (const toml::parse_error& error) {
        place.fail(error.source().begin.line, "{}", error.description());
    }

    Problems problems;
    for (const auto& [key, node] : table) {
        const std::string name(key.str());
        if (name == "client")
            problems.attempt([&, &name_of_it = key, &list = node] {
                read_clients(name_of_it, list, config.clients, problems, place);
            });
        else
            problems.attempt([&, &name_of_it = key, &value = node] {
                config.options.push_back(option_of(name_of_it, value, option_names, place));
            });
    }
    std::sort(config.options.begin(), config.options.end(),
              [](const ConfigOption& a, const ConfigOption& b) { return a.line < b.line; });
    problems.attempt([&] { refuse_twins(config.clients, place); });
    problems.throw_if_any();
    return config;
}

ConfigFile load_config(const std::string& file, const std::vector<std::string>& option_names) {
    const Descriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text;
    std::array<char, 4096> buffer;
    ssize_t length = -1;
    while (fd && (length = read(fd.get(), buffer.data(), buffer.size())) > 0)
        text.append(buffer.data(), static_cast<std::size_t>(length));
    if (length < 0)
        throw ConfigError(fmt::format("{}: {}; name a file that can be read with --config", file,
                                      std::strerror(errno)));
    return parse_config(text, file, option_names);
}

} // namespace bootview::clients
