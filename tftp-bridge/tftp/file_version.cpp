#include "tftp-bridge/tftp/file_version.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace bootview::tftp {
namespace {

#ifndef AT_HANDLE_FID
constexpr int AT_HANDLE_FID = 0x200; // Linux 6.5: a handle to compare with, not to open by
#endif
#ifndef XFS_SUPER_MAGIC
constexpr auto XFS_SUPER_MAGIC = 0x58465342;
#endif

// What a file system's clock may count as one moment, with room to spare.
constexpr std::chrono::milliseconds local_tick(200);
constexpr std::chrono::milliseconds foreign_tick(3000);

template<typename T>
void append(std::string& key, const T& value) {
    key.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Written to just now, it might be written to once more without a difference that shows.
bool may_change_unseen(const struct stat& info, bool local) {
    using namespace std::chrono;
    const auto changed = seconds(info.st_ctim.tv_sec) + nanoseconds(info.st_ctim.tv_nsec);
    const auto age = system_clock::now().time_since_epoch() - changed;
    return age < (local ? local_tick : foreign_tick) && age > -foreign_tick;
}

// The file system's own identifier of the file; empty where it has none.
std::string handle_of(int fd) {
    constexpr unsigned most = MAX_HANDLE_SZ;
    alignas(file_handle) std::array<std::byte, sizeof(file_handle) + most> buffer{};
    auto* handle = reinterpret_cast<file_handle*>(buffer.data());
    int mount = 0;
    for (const int flag : {AT_HANDLE_FID, 0}) {
        handle->handle_bytes = most;
        if (name_to_handle_at(fd, "", handle, &mount, AT_EMPTY_PATH | flag) == 0)
            return {reinterpret_cast<const char*>(handle->f_handle), handle->handle_bytes};
    }
    return {};
}

} // namespace

std::string version_of(int fd, const struct stat& info, bool local) {
    std::string key;
    append(key, info.st_dev);
    append(key, info.st_ino);
    append(key, info.st_size);
    append(key, info.st_mtim);
    append(key, info.st_ctim);
    if (!local) {
        const auto handle = handle_of(fd);
        if (handle.empty())
            return {};
        key += handle;
    }
    if (may_change_unseen(info, local))
        return {};
    return key;
}

bool is_on_local_file_system(int fd) {
    struct statfs info {};
    if (fstatfs(fd, &info) != 0)
        return false;
    switch (static_cast<unsigned long>(info.f_type)) {
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
    case TMPFS_MAGIC:
    case RAMFS_MAGIC:
    case MSDOS_SUPER_MAGIC:
    case ISOFS_SUPER_MAGIC:
    case SQUASHFS_MAGIC:
        return true;
    default: // overlayfs too: its layers may be anything
        return false;
    }
}

} // namespace bootview::tftp
