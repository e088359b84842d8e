// user.bootview.*: the state of the view, for whoever can read a file's attributes.
//
// On the root of a mount, and of each image in a directory of images:
//     user.bootview.mode        attached | poll (view/change_feed.h)
//     user.bootview.generation  counts changes that concerned something shown
//     user.bootview.writers     NBD clients that may write now
#pragma once

#include "fuse-fatimg/view/view.h"

#include <string>
#include <string_view>

namespace bootview::fuse {

// Throws std::system_error: ENODATA when this node has no such attribute.
std::string extended_attribute(view::View& view, view::NodeId node, std::string_view name);
std::string extended_attribute_names(view::View& view, view::NodeId node); // NUL after each

} // namespace bootview::fuse
