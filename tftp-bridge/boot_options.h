// The options of tftp-bridge that are about DHCP and clients: text in, settings out. The manual is
// tftp-bridge.pod.
#pragma once

#include "tftp-bridge/clients/config_file.h"
#include "tftp-bridge/clients/locator.h"
#include "tftp-bridge/dhcp/server.h"

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace bootview {

// As they are typed; a list is an option that may be given several times.
struct BootOptions {
    bool adopt = true;
    std::vector<std::string> boot_file = {}; // ARCH=FILE
    std::string config = {};                 // empty: no file
    bool dhcp_proxy = false;
    std::vector<std::string> http_boot = {}; // ARCH=URL
    std::vector<std::string> interface = {};
    std::string ipxe_script = {};
    bool no_67 = false;
    std::string pi_menu = dhcp::AnswerSettings{}.pi_menu;
    std::vector<std::string> pxe_menu = {}; // ARCH,TEXT[,FILE]
    std::string pxe_prompt = {};            // TEXT[,SECONDS]
    bool relay = false;
    std::vector<std::string> reply_delay = {}; // [CLASS=]SECONDS
};

// "--boot-file x64: ...": what is wrong, and what to write instead.
class OptionError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Both throw OptionError.
dhcp::ServerSettings dhcp_settings(const BootOptions& options);
clients::BootDefaults boot_defaults(const BootOptions& options);

} // namespace bootview
