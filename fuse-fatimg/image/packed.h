// Images that are packed, or of a format of their own: bytes at an offset are not there to be read.
#pragma once

#include "fuse-fatimg/image/source.h"

#include <string>

namespace bootview::image {

// Why this is no image that can be read as it is, with the command that makes it one; empty:
// nothing speaks against it. By what it begins with, not by its name.
std::string packed(const Source& source);

} // namespace bootview::image
