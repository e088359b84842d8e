// The configuration file, tftp-bridge.toml(5): text in, values out. Pure.
//
// Its top level knows the options of the command line by their long names, without the dashes; who
// asks hands in which those are. A [[client]] is a ClientRecord.
#pragma once

#include "common/line_origins.h"
#include "tftp-bridge/clients/client_record.h"

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::clients {

struct ConfigOption {
    std::string name;                // "max-blksize"
    std::vector<std::string> values; // as they would stand on the command line
    unsigned line = 0;
    bool operator==(const ConfigOption&) const = default;
};

struct ConfigFile {
    std::vector<ConfigOption> options;
    std::vector<ClientRecord> clients;
    LineOrigins origins = {}; // of the lines that these name
};

// "FILE:LINE: what is wrong, and what to do"; a line for each mistake.
class ConfigError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// `file` is for messages only. Throws ConfigError.
ConfigFile parse_config(std::string_view text, const std::string& file,
                        const std::vector<std::string>& option_names);

// Reads the file and parses it. Throws ConfigError.
ConfigFile load_config(const std::string& file, const std::vector<std::string>& option_names);

} // namespace bootview::clients
