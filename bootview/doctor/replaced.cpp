#include "bootview/doctor/replaced.h"

#include "common/images_in.h"
#include "common/read_whole.h"

#include <sys/stat.h>

#include <charconv>
#include <exception>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fmt/format.h>

namespace bootview::doctor {

namespace {

namespace fs = std::filesystem;

std::optional<FileIdentity> identity_of(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
        return std::nullopt;
    return FileIdentity{status.st_dev, status.st_ino};
}

} // namespace

ReplacedImages::ReplacedImages(std::string source) : source_(std::move(source)), known_(files()) {}

std::map<std::string, FileIdentity> ReplacedImages::files() const {
    std::map<std::string, FileIdentity> files;
    const auto add = [&](const std::string& path) {
        if (const auto identity = identity_of(path))
            files.emplace(path, *identity);
    };
    std::error_code ignored;
    try {
        if (fs::is_directory(source_, ignored))
            for (const auto& [name, path] : images_in(source_))
                add(path);
        else if (!source_.empty())
            add(source_);
    } catch (const std::exception&) { // the directory is away for a moment
        return known_;
    }
    return files;
}

std::vector<std::string> ReplacedImages::look() {
    std::vector<std::string> lines;
    const auto now = files();
    for (const auto& [path, before] : known_) {
        const auto found = now.find(path);
        const bool is_gone = found == now.end();
        if ((!is_gone && found->second == before) || nbdkit_with(before) == 0)
            continue;
        lines.push_back(fmt::format(
            "{}: {} while it is served: clients go on with the old file, and what they write there "
            "is lost with it; shut them down, {}then start bootview serve again",
            path, is_gone ? "was deleted or renamed" : "is another file now",
            is_gone ? "bring the file back, " : ""));
    }
    known_ = now;
    return lines;
}

pid_t nbdkit_with(const FileIdentity& file) {
    std::error_code ignored; // processes of others can't be looked into, and some end meanwhile
    for (const auto& process : fs::directory_iterator("/proc", ignored)) {
        const std::string name = process.path().filename().string();
        pid_t pid = 0;
        if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc{} ||
            read_whole(process.path() / "comm") != "nbdkit\n")
            continue;
        std::error_code gone;
        for (const auto& descriptor : fs::directory_iterator(process.path() / "fd", gone))
            if (identity_of(descriptor.path().string()) == file)
                return pid;
    }
    return 0;
}

} // namespace bootview::doctor
