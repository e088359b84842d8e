#include "bootview/paths.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <system_error>

namespace bootview {

namespace {

namespace fs = std::filesystem;

constexpr const char* plugin_file = "nbdkit-bootview-plugin.so";

bool is_program(const std::string& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

} // namespace

std::string own_directory() {
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    // Without /proc only $PATH is left, which is what an empty directory leads to.
    return error ? std::string{} : self.parent_path().string();
}

std::optional<std::string> find_in_path(const std::string& name, const std::string& search_path) {
    std::istringstream directories(search_path + ":/usr/local/sbin:/usr/sbin:/sbin");
    for (std::string directory; std::getline(directories, directory, ':');) {
        if (directory.empty())
            continue;
        if (std::string path = directory + "/" + name; is_program(path))
            return path;
    }
    return std::nullopt;
}

std::optional<std::string> find_sibling(const std::string& name, const std::string& own,
                                        const std::string& search_path) {
    if (!own.empty())
        for (const std::string& candidate : {own + "/../" + name + "/" + name, own + "/" + name,
                                             own + "/../sbin/" + name, own + "/../bin/" + name})
            if (is_program(candidate))
                return fs::path(candidate).lexically_normal().string();
    return find_in_path(name, search_path);
}

std::string plugin_argument(const std::string& own) {
    std::error_code ignored;
    if (!own.empty()) {
        const fs::path build_tree =
            fs::path(own + "/../nbdkit-plugin/" + plugin_file).lexically_normal();
        if (fs::exists(build_tree, ignored))
            return build_tree.string();
        // A prefix of one's own, /opt/bootview/bin: lib/nbdkit/plugins, lib/TRIPLET/nbdkit/plugins.
        const fs::path lib = fs::path(own + "/../lib").lexically_normal();
        const fs::path below = fs::path("nbdkit/plugins") / plugin_file;
        if (own != "/usr/bin" && fs::exists(lib / below, ignored))
            return (lib / below).string();
        if (own != "/usr/bin")
            for (const auto& entry : fs::directory_iterator(lib, ignored))
                if (entry.is_directory(ignored) && fs::exists(entry.path() / below, ignored))
                    return (entry.path() / below).string();
    }
    return "bootview";
}

std::string search_path_of_environment() {
    const char* path = std::getenv("PATH"); // NOLINT(concurrency-mt-unsafe): one thread
    return path != nullptr ? path : "/usr/bin:/bin";
}

} // namespace bootview
