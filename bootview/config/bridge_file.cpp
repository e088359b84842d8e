#include "bootview/config/bridge_file.h"

#include "bootview/config/keys.h"
#include "bootview/private_file.h"
#include "bootview/run_command.h"
#include "common/line_origins.h"

#include <sstream>

#include <fmt/format.h>

namespace bootview::config {

namespace {

void add(std::string& text, const std::string& key, const Setting& setting) {
    text += origin_comment(setting.file, setting.line);
    text += fmt::format("{} = {}\n", key, setting.toml);
}

std::string options_text(const Config& config) {
    std::string text;
    for (const auto& [key, setting] : config.options)
        if (find_key(key)->for_bridge)
            add(text, key, setting);
    return text;
}

std::string clients_text(const Config& config) {
    std::string text;
    for (const auto& client : config.clients) {
        text += "\n" + origin_comment(client.file, client.line) + "[[client]]\n";
        for (const auto& [key, setting] : client.settings)
            add(text, key, setting);
    }
    return text;
}

} // namespace

std::string bridge_text(const Config& config) {
    return "# Written by bootview; changes are lost.\n" + options_text(config) +
           clients_text(config);
}

std::string whole_bridge_text(const Config& config, const std::string& root) {
    std::string text = fmt::format("# Written by bootview from {}; changes are lost.\nroot = {}\n",
                                   config.file, toml_text(root));
    for (const std::string key : {"dhcp-proxy", "log-level"})
        if (const auto* setting = config.find(key))
            add(text, key, *setting);
    if (const auto* adopt = config.find("adopt"))
        add(text, "adopt", *adopt);
    else
        text += "adopt = false\n"; // tftp-bridge's own default is the other
    return text + options_text(config) + clients_text(config);
}

Problems ask_bridge(const std::string& program, const std::string& text,
                    const std::vector<std::string>& arguments) {
    const PrivateFile file("check", text);
    std::vector<std::string> words{program, "--check"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    words.insert(words.end(), {"--config", file.path()});
    const auto result = run_command(words);
    if (result.status == 0)
        return {};
    Problems problems;
    std::istringstream lines(result.errors);
    for (std::string line; std::getline(lines, line);) {
        for (const std::string_view said : {"tftp-bridge: ", "error: "})
            if (line.starts_with(said))
                line.erase(0, said.size());
        if (const auto hint = line.find("; see tftp-bridge --help"); hint != std::string::npos)
            line.replace(hint, std::string::npos, "; see tftp-bridge(8)");
        problems.push_back(std::move(line));
    }
    if (problems.empty())
        problems.push_back(fmt::format("{}: can't be run to check the configuration; reinstall "
                                       "tftp-bridge",
                                       program));
    return problems;
}

} // namespace bootview::config
