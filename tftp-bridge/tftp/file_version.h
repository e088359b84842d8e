// Whether two openings are of one version of one file.
//
// Transfers of one version share what was read of it, so "the same" must never be said of two that
// differ. Inode number, size and modification time alone do not tell: FAT counts two seconds as one
// time, and fuse-fatimg keeps a file's inode number over all of its versions. Its node identifiers
// are of one version each, though, and the kernel shows them in the file's handle.
#pragma once

#include <sys/stat.h>

#include <string>

namespace bootview::tftp {

// Bytes to be compared with those of another opening; empty if nothing tells this version from the
// next one: then it is shared with nobody. Holds while the file is open: identifiers of files that
// nobody has open may be given out again.
std::string version_of(int fd, const struct stat& info, bool local);

// A file system of this machine's kernel: to ask for a file's status, or for data that is in
// memory, waits for no other program or machine.
bool is_on_local_file_system(int fd);

} // namespace bootview::tftp
