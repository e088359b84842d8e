// The images of a directory, and the names that each has everywhere: as an NBD export, as a
// directory of the view and so of TFTP.
//
// A client that runs keeps asking for its image by name, so what a name means depends on nothing
// but which images are there: not on files beside them (common/image_kind.h), not on the order in
// which things appeared, and so not on when a process was started. An image has two names: its file
// name without the ending ("jammy" for jammy.img), which is the one that is shown, and its whole
// file name. Where two images could have one name, it belongs to the first in this order: those
// that end in .img, those that end in .raw, all others; then by their file names.
#pragma once

#include "common/image_kind.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>
#include <time.h>

namespace bootview {

// What a directory of images holds, remembered between questions: a question for one name costs a
// stat(2) of the directory and one of the file. Any thread may call anything. Throws
// std::system_error when the directory cannot be read.
class ImageDirectory {
public:
    explicit ImageDirectory(std::string path) : path_(std::move(path)) {}

    struct Image {
        std::string name; // the one that is shown
        std::string path;
    };
    // The image that a name means, as above; nothing: there is none.
    std::optional<Image> find(std::string_view name);
    // Shown name to path, of every image. An image that another one left no name is left out.
    std::map<std::string, std::string> images();
    // Paths of what somebody may expect to be served and is not: packed files that no image lies
    // beside, and empty ones that are named as an image.
    std::vector<std::string> not_yet_images();
    // FileKind::unknown where there is no such file.
    FileKind kind_of(std::string_view file_name);
    // Changes whenever files may have come or gone.
    std::uint64_t generation();

private:
    // A regular file or block device, as it was when it was looked into.
    struct Known {
        dev_t device = 0;
        ino_t inode = 0;
        std::uint64_t size = 0;
        timespec modified{};
        FileKind kind = FileKind::unknown;
    };

    void read_names();
    FileKind look_at(const std::string& file_name);
    std::optional<std::string> file_named(std::string_view name);
    std::optional<std::string> file_meant_by(std::string_view name);
    std::optional<Image> image_of(const std::string& file_name);
    std::string path_of(const std::string& file_name) const { return path_ + "/" + file_name; }

    std::string path_;
    std::mutex mutex_; // guards what follows
    // Hidden files are left out. By the names that each would have as an image.
    std::multimap<std::string, std::string, std::less<>> files_by_name_;
    std::multimap<std::string, std::string> files_by_meaning_; // the same, as meaning_of() has them
    std::vector<std::string> files_;
    std::map<std::string, Known, std::less<>> known_;
    Known directory_; // when its files were listed; may be trusted if `settled_`
    bool settled_ = false;
    std::uint64_t generation_ = 0;
};

// As ImageDirectory::images(), for who asks once.
std::map<std::string, std::string> images_in(const std::string& directory);

// Shown names of images, by their file names; pure.
std::map<std::string, std::string> image_names(const std::vector<std::string>& file_names);

} // namespace bootview
