// Who may, and who does, read and write an image.
#pragma once

#include "bootview/doctor/finding.h"

#include <string>

namespace bootview::doctor {

// Of the user who runs this; for the images of the installed service, of its user too. False: it
// can't even be read.
bool check_access(const std::string& path, Findings& findings);

// Does somebody else have it open for writing, or as a loop device? A server of ours is fine.
void check_writers(const std::string& path, Findings& findings);

// Can what clients write be kept: the file system is writable, and has room for what is not
// allocated yet?
void check_room(const std::string& path, Findings& findings);

} // namespace bootview::doctor
