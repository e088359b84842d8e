// fuse-fatimg --list: what is in an image, in words or as JSON.
#pragma once

#include "fuse-fatimg/view/contents.h"

#include <string>

namespace bootview {

// Lines for a terminal, with columns; nothing in them can control it.
std::string list_as_text(const std::string& name, const view::Contents& contents);
// One JSON object; fuse-fatimg(8) lists its members.
std::string list_as_json(const std::string& name, const view::Contents& contents);

} // namespace bootview
