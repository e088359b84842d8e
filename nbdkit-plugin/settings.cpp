#include "nbdkit-plugin/settings.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace bootview::plugin {

namespace {

[[noreturn]] void refuse(const std::string& message) {
    throw std::invalid_argument(message);
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

} // namespace

void Settings::set(const std::string& key, const std::string& value) {
    if (notify.set(key, value))
        return;
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
    } else if (key == "writers") {
        writers = parse_writer_rule(value);
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
        if (!notify.path.empty() && notify.path != "none" &&
            (::stat(notify.path.c_str(), &socket) != 0 || !S_ISDIR(socket.st_mode)))
            refuse(fmt::format("notify={}: with dir= this must be an existing directory, for one "
                               "socket per image",
                               notify.path));
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
