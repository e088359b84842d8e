// A directory of images: which are there, under which names, and their trees.
#pragma once

#include "fuse-fatimg/image/source.h"
#include "fuse-fatimg/view/image_tree.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
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
    // Null: there is none of that name.
    std::shared_ptr<ImageTree> find(std::string_view name);
    // Those that were there at the last look.
    std::vector<std::shared_ptr<ImageTree>> known() const;

private:
    struct Image {
        std::shared_ptr<ImageTree> tree; // null: holds no FAT
        std::optional<ring::ImageId> id;
        image::Stamp stamp; // of the file that holds no FAT
    };

    std::shared_ptr<ImageTree> tree_of(const std::string& name, const std::string& path);
    void forget_removed(const std::map<std::string, std::string>& paths);

    std::string directory_;
    TreeOptions options_;
    NodeTable& nodes_;
    std::map<std::string, Image> images_; // by path
    std::uint64_t next_number_ = 1;
};

} // namespace bootview::view
