// The configuration of other servers as a bootview.toml: text in, text out. What has no counterpart
// here becomes a comment, which says why; nothing is left out in silence.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bootview::config {

enum class ImportKind { nobodd, nbd_server, dnsmasq };

struct Source {
    std::string file;
    std::string text;
    std::string directory = {}; // whole path; empty: that of `file`
    std::string key = {};       // each line is a value of it: of a dhcp-hostsfile

    std::string place() const; // the directory
};

// One server's files, in the order of reading: what comes later counts.
struct ServerSources {
    ImportKind kind = ImportKind::nobodd;
    std::vector<Source> sources = {};
};

// The files, and those that they include. Throws Failure.
std::vector<Source> read_sources(ImportKind kind, const std::vector<std::string>& files);

// Whether it is the word for one: "nobodd".
bool is_import_kind(const std::string& word);

// "nobodd FILE... nbd-server FILE...": servers that worked together become one configuration.
// Throws Failure.
std::vector<ServerSources> read_servers(const std::vector<std::string>& words);

// Pure, but for paths that have no directory, which are taken from the one that we are in.
std::string import_text(const std::vector<ServerSources>& servers);

} // namespace bootview::config
