// bootview.toml(5): the file and those of the directory conf.d beside it, as one configuration.
//
// The files of conf.d are read after it, in the order of their names. A key that comes again
// replaces the one before; each [[client]] is one more. What a key of a client means is known to
// tftp-bridge alone, which gets them all (bridge_file.h).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::config {

struct Setting {
    std::vector<std::string> values; // as they would stand on a command line
    std::string toml;                // the value as TOML has it, in one line
    std::string file;                // where it was written
    unsigned line = 0;

    std::string place() const;
};

struct Client {
    std::string file;
    unsigned line = 0;
    std::map<std::string, Setting> settings;

    std::string place() const;
    std::string text(const std::string& key) const; // empty without such a key
    std::string name() const;                       // what people call it
};

struct Config {
    std::string file; // the first
    std::map<std::string, Setting> options;
    std::vector<Client> clients;

    const Setting* find(const std::string& key) const;
    std::string text(const std::string& key, const std::string& otherwise = {}) const;
    bool is_true(const std::string& key) const;
};

// "FILE:LINE: what is wrong; what to do", in the order in which it was found.
using Problems = std::vector<std::string>;

// Adds what stands in `text`, and to `problems` what is wrong with it. Pure.
void add_text(Config& config, std::string_view text, const std::string& file, Problems& problems);

// The file and its conf.d.
Config load(const std::string& file, Problems& problems);

// Any text as TOML has it, between quotes.
std::string toml_text(std::string_view text);

// /etc/bootview/bootview.toml, below the prefix that this was built for.
std::string default_file();
// What is served where images is not said: /var/lib/bootview/images.
std::string default_images();

} // namespace bootview::config
