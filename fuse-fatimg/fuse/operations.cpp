#include "fuse-fatimg/fuse/operations.h"

#include "fuse-fatimg/fuse/attributes.h"
#include "fuse-fatimg/fuse/extended_attributes.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <system_error>
#include <vector>

#include <sys/statvfs.h>

namespace bootview::fuse {

namespace {

using view::NodeId;

constexpr double for_ever = 86'400.0 * 365;

Mount& mount_of(fuse_req_t request) {
    return *static_cast<Mount*>(fuse_req_userdata(request));
}

// Every operation runs in here: whatever it throws becomes the request's error.
template<typename Operation>
void answer(fuse_req_t request, Operation operation) noexcept {
    int error = EIO;
    try {
        operation(mount_of(request));
        return;
    } catch (const std::system_error& e) {
        error = e.code().value();
        if (error == ESTALE)
            mount_of(request).stale.fetch_add(1, std::memory_order_relaxed);
    } catch (const std::bad_alloc&) {
        error = ENOMEM;
    } catch (...) {
    }
    ::fuse_reply_err(request, error);
}

void init(void*, fuse_conn_info* connection) {
    // AUTO would drop a file's pages when its time changes; ours never does, and the pages of dead
    // nodes are dropped by name. (With both wanted, the kernel takes AUTO.)
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_AUTO_INVAL_DATA);
    connection->want |= connection->capable & FUSE_CAP_EXPLICIT_INVAL_DATA;
    // Each entry of a readdirplus would be looked up, and with names not kept, again at once.
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO);
    // Spliced pages would be the image's own: they may change after our check.
    connection->want &=
        ~static_cast<unsigned>(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
    connection->max_readahead = 1 << 20;
}

void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
    answer(request, [&](Mount& mount) {
        const view::Attributes found = mount.view.lookup(parent, name);
        fuse_entry_param entry{};
        entry.ino = found.id;
        entry.attr = stat_of(found, mount.options);
        entry.attr_timeout = found.is_directory ? 0 : for_ever;
        entry.entry_timeout = 0;
        if (::fuse_reply_entry(request, &entry) != 0) // interrupted: the kernel does not know of it
            mount.view.forget(found.id, 1);
    });
}

void forget(fuse_req_t request, fuse_ino_t node, std::uint64_t count) {
    mount_of(request).view.forget(node, count);
    ::fuse_reply_none(request);
}

void forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
    for (std::size_t i = 0; i < count; ++i)
        mount_of(request).view.forget(forgets[i].ino, forgets[i].nlookup);
    ::fuse_reply_none(request);
}

void getattr(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
    answer(request, [&](Mount& mount) {
        const view::Attributes found = mount.view.attributes(node);
        const struct stat status = stat_of(found, mount.options);
        ::fuse_reply_attr(request, &status, found.is_directory ? 0 : for_ever);
    });
}

void open(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
    answer(request, [&](Mount& mount) {
        info->fh = mount.files.add(
            std::make_unique<std::shared_ptr<view::OpenFile>>(mount.view.open(node)));
        info->keep_cache = 1; // of this very version
        info->direct_io = mount.options.direct_io ? 1 : 0;
        if (::fuse_reply_open(request, info) != 0) // interrupted: the kernel does not know of it
            mount.files.remove(info->fh);
    });
}

void read(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info* info) {
    answer(request, [&](Mount& mount) {
        const auto buffer = std::make_unique_for_overwrite<std::byte[]>(size);
        const std::size_t count =
            mount.view.read(*mount.files.at(info->fh), static_cast<std::uint64_t>(offset),
                            std::span{buffer.get(), size});
        ::fuse_reply_buf(request, reinterpret_cast<const char*>(buffer.get()), count);
    });
}

void release(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    mount_of(request).files.remove(info->fh);
    ::fuse_reply_err(request, 0);
}

void opendir(fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
    answer(request, [&](Mount& mount) {
        auto directory = std::make_unique<OpenDirectory>();
        directory->entries = mount.view.list(node);
        info->fh = mount.directories.add(std::move(directory));
        if (::fuse_reply_open(request, info) != 0) // interrupted: the kernel does not know of it
            mount.directories.remove(info->fh);
    });
}

void readdir(fuse_req_t request, fuse_ino_t node, std::size_t size, off_t offset,
             fuse_file_info* info) {
    answer(request, [&](Mount& mount) {
        OpenDirectory& directory = mount.directories.at(info->fh);
        if (offset == 0) // the first call, or after rewinddir(3): what is there now
            directory.entries = mount.view.list(node);
        std::vector<char> buffer(size);
        std::size_t used = 0;
        // Offsets count entries; 0 and 1 are "." and "..".
        for (auto i = static_cast<std::size_t>(offset); i < directory.entries.size() + 2; ++i) {
            struct stat status {};
            const bool dots = i < 2;
            const view::DirectoryEntry* entry = dots ? nullptr : &directory.entries[i - 2];
            status.st_mode = dots || entry->is_directory ? S_IFDIR : S_IFREG;
            status.st_ino = dots ? node : entry->inode;
            const char* name = dots ? (i == 0 ? "." : "..") : entry->name.c_str();
            const std::size_t needed =
                ::fuse_add_direntry(request, buffer.data() + used, size - used, name, &status,
                                    static_cast<off_t>(i + 1));
            if (needed > size - used)
                break;
            used += needed;
        }
        ::fuse_reply_buf(request, buffer.data(), used);
    });
}

void releasedir(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    mount_of(request).directories.remove(info->fh);
    ::fuse_reply_err(request, 0);
}

void statfs(fuse_req_t request, fuse_ino_t node) {
    answer(request, [&](Mount& mount) {
        const view::Space space = mount.view.space(node);
        struct statvfs status {};
        status.f_bsize = status.f_frsize = space.cluster_size;
        status.f_blocks = space.clusters;
        status.f_bfree = status.f_bavail = space.free;
        status.f_namemax = 255;
        ::fuse_reply_statfs(request, &status);
    });
}

void getxattr(fuse_req_t request, fuse_ino_t node, const char* name, std::size_t size) {
    answer(request, [&](Mount& mount) {
        const std::string value = extended_attribute(mount.view, node, name);
        if (size == 0)
            ::fuse_reply_xattr(request, value.size());
        else if (size < value.size())
            ::fuse_reply_err(request, ERANGE);
        else
            ::fuse_reply_buf(request, value.data(), value.size());
    });
}

void listxattr(fuse_req_t request, fuse_ino_t node, std::size_t size) {
    answer(request, [&](Mount& mount) {
        const std::string names = extended_attribute_names(mount.view, node);
        if (size == 0)
            ::fuse_reply_xattr(request, names.size());
        else if (size < names.size())
            ::fuse_reply_err(request, ERANGE);
        else
            ::fuse_reply_buf(request, names.data(), names.size());
    });
}

} // namespace

const fuse_lowlevel_ops& operations() {
    static const fuse_lowlevel_ops table = [] {
        fuse_lowlevel_ops ops{};
        ops.init = init;
        ops.lookup = lookup;
        ops.forget = forget;
        ops.getattr = getattr;
        ops.open = open;
        ops.read = read;
        ops.release = release;
        ops.opendir = opendir;
        ops.readdir = readdir;
        ops.releasedir = releasedir;
        ops.statfs = statfs;
        ops.getxattr = getxattr;
        ops.listxattr = listxattr;
        ops.forget_multi = forget_multi;
        return ops;
    }();
    return table;
}

} // namespace bootview::fuse
