// The images that are, or were, served, and the change ring of each. Also: which file an NBD export
// name means.
#pragma once

#include "change-ring/publisher.h"
#include "change-ring/server.h"
#include "common/images_in.h"
#include "nbdkit-plugin/settings.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace bootview::plugin {

// Why nobody is able to subscribe to an image's ring.
struct NoSubscribers {
    ring::NoSocket::Why why;
    std::string text;
    bool is_news; // not what the last one of this image was told already
};

class Exports {
public:
    explicit Exports(const Settings& settings);

    // Makes the rings of what is there already and binds their sockets, while errors still reach
    // the user's terminal. Returns warnings, for people. Throws std::runtime_error.
    std::vector<std::string> prepare();
    void start(); // from here on subscribers are answered
    void stop() noexcept;

    // The path of the image that a client means. Throws std::system_error (ENOENT, EINVAL).
    std::string path_of(const std::string& export_name) const;
    // dir mode: the file names of the images, as nbdkit's file plugin lists them.
    std::vector<std::string> names() const;

    // Where this server keeps what the next one must know of the image's writer: beside the
    // socket. Empty: nowhere.
    std::string memory_of(ring::ImageId image) const;

    // The ring of an image, made at the first call for it; the same for every connection to it.
    // `trouble`: why nobody is able to subscribe, if so. It is tried again at the next call.
    std::shared_ptr<ring::Publisher> ring_of(const ImageFile& image,
                                             std::optional<NoSubscribers>& trouble);

private:
    std::string socket_path(ring::ImageId image) const;
    void bind_socket(ring::ImageId image, const std::shared_ptr<ring::Publisher>& ring);

    const Settings& settings_;
    mutable ImageDirectory images_; // dir mode; has its own lock
    std::string runtime_directory_; // where derived socket paths lie
    std::unique_ptr<ring::Server> server_;
    std::mutex mutex_; // guards rings_; never taken while data is transferred
    struct Ring {
        std::shared_ptr<ring::Publisher> publisher;
        bool has_socket = false;
        std::string told; // why not, the last time
    };
    std::map<ring::ImageId, Ring> rings_;
};

} // namespace bootview::plugin
