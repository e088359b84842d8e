#include "bootview/config/config.h"

#include "bootview/config/keys.h"
#include "bootview/endpoint.h"
#include "common/read_whole.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <sstream>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

namespace bootview::config {

namespace {

namespace fs = std::filesystem;

std::string place_of(const std::string& file, unsigned line) {
    return fmt::format("{}:{}", file, line);
}

// A value in one line; nothing if it is none that a line could hold.
std::optional<std::string> one_value(const toml::node& node) {
    if (const auto* text = node.as_string())
        return text->get();
    if (const auto* number = node.as_integer())
        return fmt::format("{}", number->get());
    if (const auto* number = node.as_floating_point())
        return fmt::format("{}", number->get());
    if (const auto* truth = node.as_boolean())
        return truth->get() ? "true" : "false";
    return std::nullopt;
}

std::string as_toml(const toml::node& node) {
    std::ostringstream text;
    text << toml::toml_formatter{node, toml::format_flags::none};
    auto line = text.str();
    std::replace(line.begin(), line.end(), '\n', ' '); // a long list is written in lines
    return line;
}

// Nothing if the node is neither a value nor a list of values.
std::optional<Setting> setting_of(const toml::node& node, const std::string& file, unsigned line) {
    Setting setting;
    setting.file = file;
    setting.line = line;
    const auto* list = node.as_array();
    if (list)
        for (const auto& element : *list) {
            const auto value = one_value(element);
            if (!value)
                return std::nullopt;
            setting.values.push_back(*value);
        }
    else if (const auto value = one_value(node))
        setting.values.push_back(*value);
    else
        return std::nullopt;
    setting.toml = as_toml(node);
    return setting;
}

bool has_form(const toml::node& node, Form form) {
    switch (form) {
    case Form::text:
        return node.is_string();
    case Form::number:
        return node.is_integer() && node.as_integer()->get() >= 0;
    case Form::decimal:
        return node.is_number();
    case Form::truth:
        return node.is_boolean();
    case Form::texts: {
        // A number is a text that needs no quotes: reply-delay = 1.5.
        const auto is_one = [](const toml::node& value) {
            return value.is_string() || value.is_number();
        };
        const auto* list = node.as_array();
        return list ? std::all_of(list->begin(), list->end(), is_one) : is_one(node);
    }
    case Form::text_or_number:
        return node.is_string() || node.is_integer();
    }
    return false;
}

// What is wrong with a value that has the right form, of a key that is not tftp-bridge's to judge.
std::string mistake_in(std::string_view key, const std::string& value) {
    static constexpr std::array levels{"error", "warning", "info", "debug"};
    if (key.ends_with("-port") && (value.size() > 5 || std::stoul(value) > 65535))
        return fmt::format("{} is no port; write a number up to 65535", value);
    if (key == "listen" && !parse_address(value))
        return fmt::format("\"{}\" is no IPv4 or IPv6 address in numbers; write one, as in "
                           "listen = \"192.0.2.1\"",
                           value);
    if (key == "log-level" && std::find(levels.begin(), levels.end(), value) == levels.end())
        return fmt::format("\"{}\" is none of error, warning, info, debug; write one of them",
                           value);
    if ((key == "images" || key == "mount" || key == "notify") && value.empty())
        return fmt::format("{} is empty; name a path, or leave the line out", key);
    if ((key == "images" || key == "mount" || key == "notify") && value.front() != '/')
        return fmt::format("\"{}\" may be anywhere; write the whole path, with a / in front",
                           value);
    return {};
}

void add_option(Config& config, const toml::key& key, const toml::node& node,
                const std::string& file, Problems& problems) {
    const std::string name(key.str());
    const unsigned line = key.source().begin.line;
    const auto* known = find_key(name);
    if (!known) {
        problems.push_back(
            fmt::format("{}: there is no key {}; {}", place_of(file, line), name, hint_for(name)));
        return;
    }
    auto setting = setting_of(node, file, line);
    if (!setting || !has_form(node, known->form)) {
        problems.push_back(fmt::format("{}: {} is {}", place_of(file, line), name, wanted(*known)));
        return;
    }
    const auto mistake = known->for_bridge || known->form == Form::texts || setting->values.empty()
                             ? std::string()
                             : mistake_in(name, setting->values.front());
    if (!mistake.empty())
        problems.push_back(fmt::format("{}: {}", place_of(file, line), mistake));
    else
        config.options[name] = std::move(*setting);
}

void add_clients(Config& config, const toml::key& key, const toml::node& node,
                 const std::string& file, Problems& problems) {
    const auto* list = node.as_array();
    if (!list || !list->is_homogeneous<toml::table>()) {
        problems.push_back(fmt::format("{}: a client begins with a line [[client]], in two "
                                       "brackets",
                                       place_of(file, key.source().begin.line)));
        return;
    }
    for (const auto& element : *list) {
        Client client;
        client.file = file;
        client.line = element.source().begin.line;
        for (const auto& [name, value] : *element.as_table()) {
            const unsigned line = name.source().begin.line;
            auto setting = setting_of(value, file, line);
            if (setting)
                client.settings[std::string(name.str())] = std::move(*setting);
            else
                problems.push_back(fmt::format("{}: {} of a [[client]] is a text or a list of "
                                               "texts; write {} = \"...\"",
                                               place_of(file, line), name.str(), name.str()));
        }
        config.clients.push_back(std::move(client));
    }
}

void add_file(Config& config, const std::string& file, Problems& problems) {
    if (::access(file.c_str(), R_OK) != 0) {
        problems.push_back(fmt::format("{}: {}; name a file that this user may read", file,
                                       std::strerror(errno))); // NOLINT(concurrency-mt-unsafe)
        return;
    }
    add_text(config, read_whole(file), file, problems);
}

} // namespace

std::string Setting::place() const {
    return place_of(file, line);
}

std::string Client::place() const {
    return place_of(file, line);
}

std::string Client::text(const std::string& key) const {
    const auto found = settings.find(key);
    return found == settings.end() || found->second.values.empty() ? std::string()
                                                                   : found->second.values.front();
}

std::string Client::name() const {
    for (const char* key : {"name", "serial", "mac", "uuid", "ip", "prefix", "arch"})
        if (auto value = text(key); !value.empty())
            return value;
    return place();
}

const Setting* Config::find(const std::string& key) const {
    const auto found = options.find(key);
    return found == options.end() ? nullptr : &found->second;
}

std::string Config::text(const std::string& key, const std::string& otherwise) const {
    const auto* setting = find(key);
    return setting && !setting->values.empty() ? setting->values.front() : otherwise;
}

bool Config::is_true(const std::string& key) const {
    return text(key) == "true";
}

void add_text(Config& config, std::string_view text, const std::string& file, Problems& problems) {
    toml::table table;
    try {
        table = toml::parse(text, file);
    } catch (const toml::parse_error& error) {
        problems.push_back(fmt::format("{}: {}; see bootview.toml(5)",
                                       place_of(file, error.source().begin.line),
                                       error.description()));
        return;
    }
    // In the order of the lines, as people read.
    Problems found;
    for (const auto& [key, node] : table)
        if (key.str() == "client")
            add_clients(config, key, node, file, found);
        else
            add_option(config, key, node, file, found);
    std::stable_sort(found.begin(), found.end(), [&](const auto& a, const auto& b) {
        const auto line_in = [&](const std::string& problem) {
            return std::strtoul(problem.c_str() + file.size() + 1, nullptr, 10);
        };
        return line_in(a) < line_in(b);
    });
    problems.insert(problems.end(), found.begin(), found.end());
}

Config load(const std::string& file, Problems& problems) {
    Config config;
    config.file = file;
    add_file(config, file, problems);
    const fs::path drop_ins = fs::path(file).parent_path() / "conf.d";
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(drop_ins, error))
        if (const auto& path = entry.path();
            path.extension() == ".toml" && !path.filename().string().starts_with('.'))
            names.push_back(path.string());
    if (error && error != std::errc::no_such_file_or_directory)
        problems.push_back(
            fmt::format("{}: {}; let this user read it", drop_ins.string(), error.message()));
    std::sort(names.begin(), names.end());
    for (const auto& name : names)
        add_file(config, name, problems);
    return config;
}

std::string toml_text(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            result += fmt::format("\\{}", c);
        else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
            result += c;
    }
    return result + "\"";
}

std::string default_file() {
    return BOOTVIEW_SYSCONFDIR "/bootview/bootview.toml";
}

std::string default_images() {
    return "/var/lib/bootview/images";
}

} // namespace bootview::config
