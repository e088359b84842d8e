// The images of a directory, and the one name that each has everywhere: as an NBD export, as a
// directory of the view and so of TFTP.
#pragma once

#include <map>
#include <string>

namespace bootview {

// Name to path of every regular file and block device, symbolic links followed, hidden files left
// out. The name is the file's stem ("jammy" for jammy.img), or its whole name where two files share
// a stem. Throws std::system_error when the directory cannot be read.
std::map<std::string, std::string> images_in(const std::string& directory);

} // namespace bootview
