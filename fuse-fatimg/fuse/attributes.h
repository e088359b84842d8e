// From FAT's attributes to stat(2)'s.
#pragma once

#include "fuse-fatimg/fuse/options.h"
#include "fuse-fatimg/view/view.h"

#include <sys/stat.h>

namespace bootview::fuse {

struct stat stat_of(const view::Attributes& attributes, const Options& options);

} // namespace bootview::fuse
