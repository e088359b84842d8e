// Images whose name is another file's by now (mv, cp to a new name and mv, rsync), while clients
// still have the old one: what they write goes to a file that nobody sees any more.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bootview::doctor {

using FileIdentity = std::pair<dev_t, ino_t>;

class ReplacedImages {
public:
    // An image or a directory of them; empty: nothing is looked at.
    explicit ReplacedImages(std::string source);

    // A line for each image whose file is another one than at the last look, where an nbdkit still
    // has the old one.
    std::vector<std::string> look();

private:
    std::map<std::string, FileIdentity> files() const;

    std::string source_;
    std::map<std::string, FileIdentity> known_; // by path
};

// The process of an nbdkit that has this file open; 0: there is none, as far as this user can see.
pid_t nbdkit_with(const FileIdentity& file);

} // namespace bootview::doctor
