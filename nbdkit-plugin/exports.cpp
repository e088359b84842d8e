#include "nbdkit-plugin/exports.h"

#include "change-ring/path.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <sys/stat.h>

namespace bootview::plugin {

namespace {

bool can_be_served(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 &&
           (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode));
}

} // namespace

Exports::Exports(const Settings& settings) : settings_(settings), images_(settings.directory) {}

std::vector<std::string> Exports::prepare() {
    // Who writes nothing has nothing to publish, and leaves the socket to a server that does.
    if (settings_.notify.path != "none" && !settings_.read_only) {
        server_ = std::make_unique<ring::Server>(settings_.notify.access);
        if (settings_.notify.path.empty())
            runtime_directory_ = ring::make_runtime_directory();
    }
    const OpenOptions look{.readonly = true};
    std::vector<std::string> warnings;
    const auto add = [&](const std::string& path, bool must) {
        std::optional<NoSubscribers> trouble;
        try {
            ring_of(ImageFile{path, look}, trouble);
        } catch (const std::system_error&) {
            if (must)
                throw;
        }
        if (must && trouble && trouble->why != ring::NoSocket::Why::shortage)
            throw std::runtime_error(path + ": " + trouble->text);
        if (trouble && trouble->why != ring::NoSocket::Why::served_already)
            warnings.push_back(path + ": views will poll this image: " + trouble->text);
    };
    if (!settings_.file.empty()) {
        add(settings_.file, true);
        return warnings;
    }
    for (const std::string& name : names())
        add(settings_.directory + "/" + name, false);
    return warnings;
}

void Exports::start() {
    if (server_)
        server_->start();
}

void Exports::stop() noexcept {
    if (server_)
        server_->stop();
}

std::string Exports::path_of(const std::string& export_name) const {
    if (!settings_.file.empty())
        return settings_.file; // as in the file plugin, one image answers to every name
    const std::string& name = export_name.empty() ? settings_.default_export : export_name;
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos)
        throw std::system_error(EINVAL, std::generic_category());
    if (const auto image = images_.find(name))
        return image->path;

    // What is not known to be an image is served to whoever asks for the very file, as the file
    // plugin does: it may hold what we do not know. What is known to be something else is not: a
    // client would take its bytes for those of a disk.
    const std::string path = settings_.directory + "/" + name;
    if (!can_be_served(path))
        throw std::system_error(ENOENT, std::generic_category());
    const FileKind kind = images_.kind_of(name);
    if (kind == FileKind::packed)
        throw std::system_error(ENOENT, std::generic_category(),
                                "not an image that can be read as it is: unpack or convert it");
    if (kind == FileKind::other)
        throw std::system_error(ENOENT, std::generic_category(),
                                "not an image, by its ending or its content: if it is one, give it "
                                "the ending .img");
    return path;
}

std::vector<std::string> Exports::names() const {
    std::vector<std::string> names;
    for (const auto& [name, path] : images_.images())
        names.push_back(std::filesystem::path(path).filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

std::string Exports::socket_path(ring::ImageId image) const {
    if (!settings_.notify.path.empty())
        return ring::socket_at(settings_.notify.path, image);
    return runtime_directory_.empty() ? std::string{} : ring::socket_at(runtime_directory_, image);
}

std::string Exports::memory_of(ring::ImageId image) const {
    const std::string socket = server_ ? socket_path(image) : std::string{};
    return socket.empty() ? socket : socket + ".writer";
}

void Exports::bind_socket(ring::ImageId image, const std::shared_ptr<ring::Publisher>& ring) {
    const std::string path = socket_path(image);
    if (path.empty())
        throw ring::NoSocket(
            ring::NoSocket::Why::shortage,
            "no directory for the notification socket: set XDG_RUNTIME_DIR, or give notify=");
    try {
        server_->add(ring, path);
    } catch (const std::system_error& e) { // of the kernel's watches, for one
        throw ring::NoSocket(ring::NoSocket::Why::shortage, e.what());
    }
}

std::shared_ptr<ring::Publisher> Exports::ring_of(const ImageFile& image,
                                                  std::optional<NoSubscribers>& trouble) {
    const ring::ImageId id = image.id();
    const std::scoped_lock guard{mutex_};
    auto& [ring, has_socket, told] = rings_[id];
    if (!ring)
        ring = std::make_shared<ring::Publisher>(id, image.size(),
                                                 server_ ? server_->doorbell() : nullptr);
    trouble.reset();
    if (server_ && !has_socket) {
        try {
            bind_socket(id, ring);
            has_socket = true;
        } catch (const ring::NoSocket& why) {
            trouble = NoSubscribers{why.why, why.what(), told != why.what()};
            told = why.what();
        }
    }
    return ring;
}

} // namespace bootview::plugin
