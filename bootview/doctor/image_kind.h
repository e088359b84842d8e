// What an image or a directory is that cannot boot from here, although it may look as if it did:
// an installer, Windows, nothing at all, the unpacked files of a boot partition.
#pragma once

#include "bootview/doctor/finding.h"
#include "fuse-fatimg/image/read_at.h"
#include "fuse-fatimg/view/contents.h"

#include <cstdint>
#include <map>
#include <string>

namespace bootview::doctor {

// True: that says it all, and no FAT in it is worth a look.
bool check_image_kind(const std::string& path, const ReadAt& read, const view::Contents& contents,
                      Findings& findings);

// True: the first MiB, or all of a smaller image, is zeros.
bool is_blank(const ReadAt& read, std::uint64_t size);

// The line that makes a raw image of one in another format, beside it; it overwrites nothing.
std::string convert_line(const std::string& path);

// A directory of images, as images_in() gives them, which may be a directory of files. True: the
// latter.
bool check_unpacked(const std::string& directory, const std::map<std::string, std::string>& images,
                    Findings& findings);

} // namespace bootview::doctor
