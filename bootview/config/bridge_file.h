// tftp-bridge's part of a configuration, as the file that it reads: tftp-bridge.toml(5). Each line
// says where it was written, so what tftp-bridge has to say of it leads there.
#pragma once

#include "bootview/config/config.h"

#include <string>
#include <vector>

namespace bootview::config {

// What is its own to know; `serve` says the rest on its command line.
std::string bridge_text(const Config& config);

// For tftp-bridge by itself: what is common is in it, too, and that `root` is served.
std::string whole_bridge_text(const Config& config, const std::string& root);

// Asks the program what is wrong with a text; `arguments` come before it, with --root if the text
// has none.
Problems ask_bridge(const std::string& program, const std::string& text,
                    const std::vector<std::string>& arguments = {});

} // namespace bootview::config
