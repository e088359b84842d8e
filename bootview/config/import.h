// The configuration of another server as a bootview.toml: text in, text out. What has no
// counterpart here becomes a comment, which says why; nothing is left out in silence.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bootview::config {

enum class ImportKind { nobodd, nbd_server, dnsmasq };

struct Source {
    std::string file;
    std::string text;
};

// The files, and those that they include. Throws Failure.
std::vector<Source> read_sources(ImportKind kind, const std::vector<std::string>& files);

// Pure. In the order of reading: what comes later counts.
std::string import_text(ImportKind kind, const std::vector<Source>& sources);

std::string import_nobodd(const std::vector<Source>& sources);
std::string import_nbd_server(const std::vector<Source>& sources);
std::string import_dnsmasq(const std::vector<Source>& sources);

} // namespace bootview::config
