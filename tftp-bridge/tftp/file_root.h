// The directory that is served: opens files below it, and nothing else.
//
// The kernel keeps a lookup inside (openat2(2) with RESOLVE_BENEATH): "..", symbolic links and
// renames while we look cannot lead out. Mount points below the root are followed: that is what we
// serve.
//
// The root is opened by its path at each request, and closed again. In practice it is a FUSE mount,
// and a descriptor kept open would be dead (ENOTCONN, ESTALE) once that was mounted anew; or worse,
// if it was opened before the first mount, it would show the empty directory below for ever; and it
// would keep an idle mount from being unmounted. If the mount goes away between the two steps, we
// start over.
#pragma once

#include "common/descriptor.h"
#include "tftp-bridge/tftp/file_version.h"
#include "tftp-bridge/tftp/packet.h"

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>

namespace bootview::tftp {

struct OpenFile {
    Descriptor fd;
    std::uint64_t length = 0; // bytes; fixed here, a transfer has exactly this many
    timespec modified{};
    dev_t device = 0;
    bool local = false;  // its file system waits for no other program or machine
    std::string version; // see file_version.h
};

// The way to the operating system, so that a test can let it fail. The first two return -1 and set
// errno.
struct RootCalls {
    int (*open_root)(const char* path);
    int (*open_beneath)(int root, const char* name);
    bool (*is_local)(int fd) = is_on_local_file_system;
    static const RootCalls& system();
};

class FileRoot {
public:
    // With `fold_case`, a name that is not there finds the one that differs from it in nothing but
    // the case of ASCII letters, as on the FAT that most boot files come from; or else the one that
    // stands for the same machine (common/board_name.h).
    explicit FileRoot(std::string path, bool fold_case = false,
                      RootCalls calls = RootCalls::system());

    // Throws StartError when files cannot be served from here.
    void check() const;

    // `name` as clean_name() gives it. Only regular files are opened. A refusal with an empty text
    // means that the server is out of descriptors or memory: it should stay silent, the client will
    // ask again.
    std::variant<OpenFile, Refusal> open(const std::string& name) const;
    // The same, without waiting for anything; nothing if that cannot be. `local` tells of which
    // file systems it is known that opening waits for no other program.
    std::optional<std::variant<OpenFile, Refusal>>
    open_now(const std::string& name, const std::function<bool(dev_t)>& local) const;

    const std::string& path() const { return path_; }

private:
    std::optional<std::variant<OpenFile, Refusal>> describe(Descriptor& fd) const;
    int open_once(const std::string& name) const;
    int open_folded(int root, const std::string& name) const;

    std::string path_;
    bool fold_case_;
    RootCalls calls_;
    // A device that is not local, if one was seen: to ask is a question to the file system itself,
    // and of one behind FUSE the slowest of all.
    mutable std::atomic<dev_t> foreign_ = 0;
};

} // namespace bootview::tftp
