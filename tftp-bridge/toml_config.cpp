#include "tftp-bridge/toml_config.h"

#include <iterator>
#include <utility>

namespace bootview {

std::vector<CLI::ConfigItem> TomlConfig::from_config(std::istream& input) const {
    const std::string text{std::istreambuf_iterator<char>(input), {}};
    const auto name = app_.get_config_ptr()->as<std::string>();
    file_ = clients::parse_config(text, name, option_names());
    std::vector<CLI::ConfigItem> result;
    for (const auto& option : file_.options) {
        CLI::ConfigItem item;
        item.name = option.name;
        item.inputs = option.values;
        result.push_back(std::move(item));
    }
    return result;
}

std::vector<std::string> TomlConfig::option_names() const {
    std::vector<std::string> names;
    for (const auto* option : app_.get_options())
        if (option->get_configurable() && !option->get_lnames().empty())
            names.push_back(option->get_lnames().front());
    return names;
}

} // namespace bootview
