// nbd-server's configuration (nbd-server(5)): one section for each export, after [generic].
#include "bootview/config/draft.h"
#include "bootview/endpoint.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

namespace bootview::config {

namespace {

bool is_true(const std::string& value) {
    return value == "true" || value == "1";
}

// Why a line of an export has no counterpart; empty if here it is the same.
std::string why_not(const SourceLine& line) {
    static const std::map<std::string, std::string> reasons = {
        {"authfile", "there is no list of clients: let a firewall say who reaches the port"},
        {"copyonwrite", "what clients write stays; give each client a copy of the image"},
        {"cowdir", "there is no copy on write"},
        {"diffdir", "there is no copy on write"},
        {"filesize", "an export is as long as its image: truncate -s"},
        {"listenaddr", "all exports have one address: listen"},
        {"maxconnections", "there is no limit"},
        {"multifile", "an image is one file: put the parts together"},
        {"port", "all exports have one port: nbd-port"},
        {"postrun", "nothing is run for a client"},
        {"prerun", "nothing is run for a client"},
        {"readonly", "there are no read-only exports as such: chmod a-w takes writing away from "
                     "whoever serves the image, and so from its clients"},
        {"temporary", "an export is an image that stays"},
        {"timeout", "a client that is silent stays connected"},
        {"transactionlog", "bootview serve --log-level debug shows requests"},
        {"virtstyle", "an export does not depend on the client's address"},
        {"waitfile", "an image may come at any time"},
    };
    // What clients may ask of any export here.
    static constexpr std::array always{"flush", "fua", "trim"};
    if (std::find(always.begin(), always.end(), line.key) != always.end())
        return is_true(line.value) ? "" : "it is always offered";
    static constexpr std::array switches{"copyonwrite", "multifile", "readonly", "temporary",
                                         "waitfile"};
    if (std::find(switches.begin(), switches.end(), line.key) != switches.end() &&
        !is_true(line.value))
        return "";
    const auto reason = reasons.find(line.key);
    return reason == reasons.end() ? "nothing here is like it" : reason->second;
}

void take_server_line(Draft& draft, const SourceLine& line) {
    if (line.key == "includedir")
        return; // its files have been read
    if (line.key == "listenaddr") {
        const auto address = parse_address(line.value);
        if (!address)
            draft.note(line, "listen takes one address in numbers");
        else if (!address->is_any())
            draft.set(line, "listen", toml_text(line.value));
    } else if (line.key == "port") {
        if (line.value.empty() || line.value.size() > 5 ||
            line.value.find_first_not_of("0123456789") != std::string::npos)
            draft.note(line, "nbd-port takes a number");
        else if (line.value != "10809")
            draft.set("nbd-port", line.value);
    } else if (line.key == "user" || line.key == "group") {
        draft.note(line, "the units run as bootview: chown bootview: the images");
    } else if (line.key == "allowlist") {
        if (!is_true(line.value))
            draft.note(line, "clients may always list the exports");
    } else {
        draft.note(line, "nothing here is like it");
    }
}

// The last line of a key of a section is the one that counts.
void take_exports(Draft& draft, const std::vector<SourceLine>& exports) {
    for (auto line = exports.begin(); line != exports.end(); ++line) {
        const auto& name = line->section;
        if (std::any_of(line + 1, exports.end(),
                        [&](const SourceLine& later) { return later.section == name; }))
            draft.note(*line, "another line for the same export counts");
        else if (line->value.find('%') != std::string::npos)
            draft.note(*line, "an image does not depend on the client's address");
        else if (name.find('/') != std::string::npos || name.starts_with('.'))
            draft.note(*line, fmt::format("no image can be called {}", name));
        else
            draft.images.add(line->path(), name);
    }
}

} // namespace

void import_nbd_server(Draft& draft, const std::vector<Source>& sources) {
    std::vector<SourceLine> exports;
    for (const auto& source : sources)
        for (const auto& line : key_file_lines(source)) {
            if (line.key.empty())
                continue;
            if (!line.mistake.empty())
                draft.note(line, line.mistake);
            else if (line.section == "generic")
                take_server_line(draft, line);
            else if (line.key == "exportname")
                exports.push_back(line);
            else if (const auto why = why_not(line); !why.empty())
                draft.note(line, why);
        }
    take_exports(draft, exports);
}

} // namespace bootview::config
