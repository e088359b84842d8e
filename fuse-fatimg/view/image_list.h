// A directory of images: which are there, under which names, and their trees.
#pragma once

#include "common/images_in.h"
#include "fuse-fatimg/image/source.h"
#include "fuse-fatimg/view/image_tree.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bootview::view {

// Not thread-safe: the view's lock guards it.
class ImageList {
public:
    ImageList(std::string directory, TreeOptions options, NodeTable& nodes);
    ~ImageList();
    ImageList(const ImageList&) = delete;
    ImageList& operator=(const ImageList&) = delete;

    struct Named {
        std::string name;
        std::shared_ptr<ImageTree> tree;
    };
    // The images that hold a FAT, as they are in the directory now. Images that left it are dead.
    // Throws std::system_error when the directory cannot be read.
    std::vector<Named> look();
    // By either of its names (common/images_in.h). Null: there is none of that name.
    std::shared_ptr<ImageTree> find(std::string_view name);
    // Those that were there at the last look.
    std::vector<std::shared_ptr<ImageTree>> known() const;

private:
    struct Image {
        std::string name;                // what it was shown as, if it was
        std::shared_ptr<ImageTree> tree; // null: holds no FAT
        std::optional<ring::ImageId> id;
        image::Stamp stamp; // of the file that holds no FAT
    };

    std::shared_ptr<ImageTree> tree_of(const std::string& name, const std::string& path);
    void note_name(Image& known, const std::string& name, const std::string& path);
    std::map<std::string, std::string> look_at_directory();
    void tell_of_missing();

    ImageDirectory directory_;
    std::uint64_t generation_ = 0;  // of the directory, when it was looked at last
    std::set<std::string> told_of_; // paths of what is no image yet
    TreeOptions options_;
    NodeTable& nodes_;
    std::map<std::string, Image> images_; // by path
    std::uint64_t next_number_ = 1;
};

} // namespace bootview::view
