// The directory on which the view is mounted: the user's own, or a private one that exists only
// while we run.
#pragma once

#include <optional>
#include <string>

namespace bootview {

class MountDirectory {
public:
    // Uses `chosen`, or makes `view-XXXXXX` in the runtime directory (change-ring/path.h), which is
    // in /tmp where nothing better can be written to. Throws Failure.
    explicit MountDirectory(const std::optional<std::string>& chosen);
    MountDirectory(const MountDirectory&) = delete;
    MountDirectory& operator=(const MountDirectory&) = delete;
    ~MountDirectory(); // unmounts; removes a private directory

    const std::string& path() const { return path_; }

    // Takes away what a killed fuse-fatimg leaves: a mount that answers ENOTCONN. Never waits for
    // the file system. Only to be called while no fuse-fatimg of ours runs.
    void detach_dead_mount() const;

private:
    std::string path_;
    bool private_ = false;
};

} // namespace bootview
