#include "bootview/config/import.h"

#include "bootview/config/draft.h"
#include "bootview/config/source_line.h"
#include "bootview/failure.h"
#include "common/lower_case.h"
#include "common/read_whole.h"
#include "common/shell_word.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fmt/format.h>

namespace bootview::config {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_files = 1000; // files that include each other come to an end

struct Included {
    std::string file;
    std::string key = {};
};

// By their names: those with one of the endings, if there are any, and with none of the others.
std::vector<Included> files_in(const fs::path& directory, const std::vector<std::string>& endings,
                               const std::vector<std::string>& others = {}) {
    std::vector<std::string> files;
    std::error_code ignored;
    const auto ends_with_any = [](const std::string& name, const std::vector<std::string>& list) {
        return std::any_of(list.begin(), list.end(), [&](const std::string& ending) {
            return name.size() > ending.size() && name.ends_with(ending);
        });
    };
    for (const auto& entry : fs::directory_iterator(directory, ignored)) {
        const auto name = entry.path().filename().string();
        const bool is_backup = name.starts_with('.') || name.ends_with('~') ||
                               (name.starts_with('#') && name.ends_with('#'));
        if (!is_backup && (endings.empty() || ends_with_any(name, endings)) &&
            !ends_with_any(name, others) && entry.is_regular_file(ignored))
            files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
    return {files.begin(), files.end()};
}

// conf-dir=/etc/dnsmasq.d,*.conf,*.cfg or conf-dir=/etc/dnsmasq.d,.bak,.dpkg-dist
std::vector<Included> conf_dir(const SourceLine& line, const fs::path& beside) {
    std::vector<std::string> endings;
    std::vector<std::string> others;
    for (auto word = line.words.begin() + 1; word < line.words.end(); ++word)
        if (word->starts_with('*') && word->size() > 1)
            endings.push_back(word->substr(1));
        else if (!word->empty() && *word != "*")
            others.push_back(*word);
    return files_in(beside / line.words.front(), endings, others);
}

// What a line includes, relative to the file that it stands in.
std::vector<Included> included_by(const SourceLine& line, ImportKind kind) {
    const auto beside = fs::path(line.file).parent_path();
    if (!line.mistake.empty() || line.value.empty())
        return {};
    if (kind != ImportKind::dnsmasq)
        return line.key == "includedir" ? files_in(beside / line.value, {".conf"})
                                        : std::vector<Included>{};
    if (line.key == "conf-file")
        return {{(beside / line.value).string()}};
    if (line.key == "conf-dir")
        return conf_dir(line, beside);
    if (line.key == "dhcp-hostsfile")
        return {{(beside / line.value).string(), "dhcp-host"}};
    return {};
}

std::optional<ImportKind> kind_of(const std::string& word) {
    static constexpr std::array<std::pair<std::string_view, ImportKind>, 3> kinds{
        {{"nobodd", ImportKind::nobodd},
         {"nbd-server", ImportKind::nbd_server},
         {"dnsmasq", ImportKind::dnsmasq}}};
    for (const auto& [name, kind] : kinds)
        if (name == lower_case(word))
            return kind;
    return std::nullopt;
}

// As in dhcp-snippet dnsmasq | config import dnsmasq.
bool is_piped_to() {
    struct stat status {};
    return ::fstat(STDIN_FILENO, &status) == 0 && S_ISFIFO(status.st_mode);
}

void take_images(Draft& draft) {
    if (draft.images.empty())
        return;
    draft.set("images", toml_text(draft.images.directory()));
    for (const auto& link : draft.images.links())
        if (draft.images.has(link.path))
            draft.remark(fmt::format("{} cannot be called {} here, as {} is;\ngive one of the two "
                                     "another file name",
                                     link.image, fs::path(link.path).stem().string(), link.path));
        else
            draft.command(
                fmt::format("sudo ln -s {} {}", shell_word(link.image), shell_word(link.path)));
}

} // namespace

std::string Source::place() const {
    if (!directory.empty())
        return directory;
    std::error_code ignored;
    return fs::absolute(file, ignored).parent_path().string();
}

std::vector<Source> read_sources(ImportKind kind, const std::vector<std::string>& files) {
    std::vector<Source> sources;
    std::vector<Included> waiting;
    for (auto file = files.rbegin(); file != files.rend(); ++file)
        waiting.push_back({*file});
    while (!waiting.empty() && sources.size() < max_files) {
        const auto [file, key] = std::move(waiting.back());
        waiting.pop_back();
        // Named, and included by another as well: once.
        std::error_code differ;
        if (std::any_of(sources.begin(), sources.end(), [&](const Source& source) {
                return source.file == file || fs::equivalent(source.file, file, differ);
            }))
            continue;
        if (::access(file.c_str(), R_OK) != 0)
            throw Failure(fmt::format("{}: {}; name a file that this user may read", file,
                                      std::strerror(errno))); // NOLINT(concurrency-mt-unsafe)
        sources.push_back({file, read_whole(file), {}, key});
        const auto lines = lines_of(sources.back(), kind);
        for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
            const auto included = included_by(*line, kind);
            waiting.insert(waiting.end(), included.rbegin(), included.rend());
        }
    }
    return sources;
}

bool is_import_kind(const std::string& word) {
    return kind_of(word).has_value();
}

std::vector<ServerSources> read_servers(const std::vector<std::string>& words) {
    std::vector<ServerSources> servers;
    std::vector<std::string> files;
    const auto read = [&] {
        if (files.empty() && is_piped_to())
            files.emplace_back("/dev/stdin");
        if (files.empty())
            throw Failure("config import: name the files of each server, as in "
                          "bootview config import nobodd /etc/nobodd/nobodd.conf");
        servers.back().sources = read_sources(servers.back().kind, files);
        files.clear();
    };
    for (const auto& word : words) {
        const auto kind = kind_of(word);
        if (!kind) {
            files.push_back(word == "-" ? "/dev/stdin" : word);
            continue;
        }
        if (!servers.empty())
            read();
        servers.push_back({*kind});
    }
    read();
    return servers;
}

std::string import_text(const std::vector<ServerSources>& servers) {
    Draft draft(servers);
    for (const auto& server : servers) // what images are called, first
        if (server.kind == ImportKind::nbd_server)
            import_nbd_server(draft, server.sources);
    for (const auto& server : servers)
        if (server.kind == ImportKind::nobodd)
            import_nobodd(draft, server.sources);
    for (const auto& server : servers)
        if (server.kind == ImportKind::dnsmasq)
            import_dnsmasq(draft, server.sources);
    take_images(draft);
    return draft.text();
}

} // namespace bootview::config
