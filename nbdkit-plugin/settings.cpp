#include "nbdkit-plugin/settings.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bootview::plugin {

namespace {

[[noreturn]] void refuse(const std::string& message) {
    throw std::invalid_argument(message);
}

// nbdkit changes to / before it serves.
std::string absolute(const std::string& path) {
    char resolved[PATH_MAX];
    if (::realpath(path.c_str(), resolved) == nullptr)
        refuse(fmt::format("{}: {}", path, std::strerror(errno)));
    return resolved;
}

// Like absolute(), but the last component need not exist, and a symbolic link in its place stays
// one: an image is looked up anew for every client, so that it can be replaced.
std::string absolute_parent(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos)
        return absolute(".") + "/" + path;
    const std::string parent = absolute(path.substr(0, slash + 1));
    return (parent == "/" ? "" : parent) + path.substr(slash);
}

int parse_fadvise(const std::string& value) {
    if (value == "normal")
        return POSIX_FADV_NORMAL;
    if (value == "random")
        return POSIX_FADV_RANDOM;
    if (value == "sequential")
        return POSIX_FADV_SEQUENTIAL;
    refuse(fmt::format("fadvise={}: must be normal, random or sequential", value));
}

mode_t parse_mode(const std::string& value) {
    char* end = nullptr;
    const unsigned long mode = std::strtoul(value.c_str(), &end, 8);
    if (value.empty() || *end != '\0' || mode > 0777)
        refuse(fmt::format("notify-mode={}: must be an octal mode such as 0660", value));
    return static_cast<mode_t>(mode);
}

gid_t parse_group(const std::string& value) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): configuration happens before there are threads
    if (const group* found = ::getgrnam(value.c_str()))
        return found->gr_gid;
    char* end = nullptr;
    const unsigned long number = std::strtoul(value.c_str(), &end, 10);
    if (value.empty() || *end != '\0')
        refuse(fmt::format("notify-group={}: no such group", value));
    return static_cast<gid_t>(number);
}

} // namespace

void Settings::set(const std::string& key, const std::string& value) {
    if (key == "file") {
        if (!file.empty() || !directory.empty())
            refuse("file= and dir= may be given once, and only one of them");
        file = absolute_parent(value);
    } else if (key == "dir" || key == "directory") {
        if (!file.empty() || !directory.empty())
            refuse("file= and dir= may be given once, and only one of them");
        directory = absolute(value);
    } else if (key == "default") {
        default_export = value;
    } else if (key == "cache") {
        if (value != "default" && value != "none")
            refuse(fmt::format("cache={}: must be default or none", value));
        cache = value == "none" ? CacheMode::none : CacheMode::normal;
    } else if (key == "fadvise") {
        fadvise = parse_fadvise(value);
    } else if (key == "notify") {
        notify = value == "none" ? value : absolute_parent(value);
    } else if (key == "notify-mode") {
        access.mode = parse_mode(value);
    } else if (key == "notify-group") {
        access.group = parse_group(value);
    } else {
        refuse(fmt::format("unknown parameter '{}': nbdkit bootview --help lists them all", key));
    }
}

void Settings::check() const {
    if (file.empty() && directory.empty())
        refuse("no image: give [file=]IMAGE, or dir=DIRECTORY for all the images in it");
    if (!file.empty() && !default_export.empty())
        refuse("default= names an export of dir=; with file= there is only one");
    struct stat status {};
    if (!directory.empty()) {
        if (::stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
            refuse(fmt::format("dir={}: not a directory: use file= to serve one image", directory));
        struct stat socket {};
        if (!notify.empty() && notify != "none" &&
            (::stat(notify.c_str(), &socket) != 0 || !S_ISDIR(socket.st_mode)))
            refuse(fmt::format("notify={}: with dir= this must be an existing directory, for one "
                               "socket per image",
                               notify));
        return;
    }
    if (::stat(file.c_str(), &status) != 0)
        refuse(fmt::format("{}: {}: check the path of the image", file, std::strerror(errno)));
    if (S_ISDIR(status.st_mode))
        refuse(fmt::format("{}: is a directory: use dir= to serve the images within it", file));
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
        refuse(fmt::format("{}: neither a regular file nor a block device", file));
    if (::access(file.c_str(), R_OK) != 0)
        refuse(fmt::format("{}: {}: make it readable for the user that nbdkit runs as", file,
                           std::strerror(errno)));
}

} // namespace bootview::plugin
