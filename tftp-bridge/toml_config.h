// Lets CLI11 take options from a TOML file, which clients/config_file.h reads; what a file says
// about clients is kept aside.
#pragma once

#include "tftp-bridge/clients/config_file.h"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace bootview {

class TomlConfig : public CLI::Config {
public:
    // The options a file may hold are those of `app` at the time it is read.
    explicit TomlConfig(const CLI::App& app) : app_(app) {}

    // Throws clients::ConfigError.
    std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;
    std::string to_config(const CLI::App*, bool, bool, std::string) const override { return ""; }

    const clients::ConfigFile& file() const { return file_; }
    std::vector<std::string> option_names() const;

private:
    const CLI::App& app_;
    mutable clients::ConfigFile file_; // CLI11 asks for items of a constant
};

} // namespace bootview
