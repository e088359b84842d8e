// user.bootview.*: the state of the view and what a file is in its image, for tools to ask.
//
// On the root of a mount, and of each image in a directory of images:
//     user.bootview.mode        attached | poll (view/change_feed.h)
//     user.bootview.generation  counts changes that concerned something shown
//     user.bootview.writers     NBD clients that may write now
// On what lies in a FAT directory:
//     user.bootview.short-name     its 8.3 name, as UTF-8
//     user.bootview.attributes     the attributes byte, as 0x20
//     user.bootview.first-cluster  a number; 0 for an empty file
// On the root of a volume:
//     user.bootview.state          clean | dirty | io-error | "dirty io-error" (fat/volume_marks.h)
// On that and on what lies in a FAT directory:
//     user.bootview.extents        OFFSET+LENGTH of each piece, in bytes of the image, in file
//     order
#pragma once

#include "fuse-fatimg/view/view.h"

#include <string>
#include <string_view>

namespace bootview::fuse {

// Throws std::system_error: ENODATA when this node has no such attribute, E2BIG for extents that
// are longer than an extended attribute may be.
std::string extended_attribute(view::View& view, view::NodeId node, std::string_view name);
std::string extended_attribute_names(view::View& view, view::NodeId node); // NUL after each

} // namespace bootview::fuse
