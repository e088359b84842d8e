// The FUSE operations: what the kernel asks, put to the view.
//
// Low-level interface, because a node number must be one version of a file and libfuse's high-level
// one gives out numbers by path. What the kernel may keep, and why it stays true:
//     names          not at all (entry timeout 0): each use of a path asks again
//     file attributes, pages   for ever: they belong to a node that never changes
//     directories    nothing
#pragma once

#include "fuse-fatimg/fuse/fuse_api.h"
#include "fuse-fatimg/fuse/open_handles.h"
#include "fuse-fatimg/fuse/options.h"
#include "fuse-fatimg/view/view.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace bootview::fuse {

// A directory as it was when it was opened, or rewound.
struct OpenDirectory {
    std::vector<view::DirectoryEntry> entries;
};

// What the operations need; libfuse hands it back as user data.
struct Mount {
    view::View& view;
    const Options& options;
    OpenHandles<std::shared_ptr<view::OpenFile>> files{};
    OpenHandles<OpenDirectory> directories{};
    std::atomic<std::uint64_t> stale{0}; // requests that were answered by ESTALE
};

const fuse_lowlevel_ops& operations();

} // namespace bootview::fuse
