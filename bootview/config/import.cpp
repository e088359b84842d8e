#include "bootview/config/import.h"

#include "bootview/config/source_line.h"
#include "bootview/failure.h"
#include "common/read_whole.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

namespace bootview::config {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_files = 1000; // files that include each other come to an end

std::vector<std::string> files_in(const fs::path& directory, const std::string& suffix) {
    std::vector<std::string> files;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(directory, ignored)) {
        const auto name = entry.path().filename().string();
        if (!name.starts_with('.') && name.ends_with(suffix) && entry.is_regular_file(ignored))
            files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
    return files;
}

// What a line includes, relative to the file that it stands in.
std::vector<std::string> included_by(const SourceLine& line, ImportKind kind) {
    const auto beside = fs::path(line.file).parent_path();
    if (kind != ImportKind::dnsmasq)
        return line.key == "includedir" ? files_in(beside / line.value, ".conf")
                                        : std::vector<std::string>{};
    if (line.key == "conf-file")
        return {(beside / line.value).string()};
    if (line.key != "conf-dir")
        return {};
    // conf-dir=/etc/dnsmasq.d,*.conf; other endings are left out there, which is not to be had
    // here.
    const auto comma = line.value.find(',');
    const auto pattern = comma == std::string::npos ? "" : line.value.substr(comma + 1);
    return files_in(beside / line.value.substr(0, comma),
                    pattern.starts_with('*') ? pattern.substr(1) : "");
}

} // namespace

std::vector<Source> read_sources(ImportKind kind, const std::vector<std::string>& files) {
    std::vector<Source> sources;
    std::vector<std::string> waiting(files.rbegin(), files.rend());
    while (!waiting.empty() && sources.size() < most_files) {
        const auto file = std::move(waiting.back());
        waiting.pop_back();
        // Named, and included by another as well: once.
        if (std::any_of(sources.begin(), sources.end(),
                        [&](const Source& source) { return source.file == file; }))
            continue;
        if (::access(file.c_str(), R_OK) != 0)
            throw Failure(fmt::format("{}: {}; name a file that this user may read", file,
                                      std::strerror(errno))); // NOLINT(concurrency-mt-unsafe)
        sources.push_back({file, read_whole(file)});
        for (const auto& line : lines_of(sources.back())) {
            const auto included = included_by(line, kind);
            waiting.insert(waiting.end(), included.rbegin(), included.rend());
        }
    }
    return sources;
}

std::string import_text(ImportKind kind, const std::vector<Source>& sources) {
    switch (kind) {
    case ImportKind::nobodd:
        return import_nobodd(sources);
    case ImportKind::nbd_server:
        return import_nbd_server(sources);
    case ImportKind::dnsmasq:
        return import_dnsmasq(sources);
    }
    return {};
}

} // namespace bootview::config
