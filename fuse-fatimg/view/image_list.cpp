#include "fuse-fatimg/view/image_list.h"

#include "common/images_in.h"
#include "fuse-fatimg/log.h"

#include <algorithm>
#include <exception>
#include <system_error>

#include <fmt/format.h>

namespace bootview::view {

ImageList::ImageList(std::string directory, TreeOptions options, NodeTable& nodes)
    : directory_(std::move(directory)), options_(std::move(options)), nodes_(nodes) {}

ImageList::~ImageList() {
    forget_removed({});
}

std::vector<ImageList::Named> ImageList::look() {
    const auto now = images_in(directory_);
    forget_removed(now);
    std::vector<Named> found;
    for (const auto& [name, path] : now)
        if (auto tree = tree_of(name, path))
            found.push_back({name, std::move(tree)});
    return found;
}

std::shared_ptr<ImageTree> ImageList::find(std::string_view name) {
    const auto now = images_in(directory_);
    forget_removed(now);
    const auto found = now.find(std::string{name});
    return found == now.end() ? nullptr : tree_of(found->first, found->second);
}

std::vector<std::shared_ptr<ImageTree>> ImageList::known() const {
    std::vector<std::shared_ptr<ImageTree>> trees;
    for (const auto& [path, image] : images_)
        if (image.tree)
            trees.push_back(image.tree);
    return trees;
}

// The tree of an image; null if it holds no FAT. What holds none is looked at again when it
// changed.
std::shared_ptr<ImageTree> ImageList::tree_of(const std::string& name, const std::string& path) {
    Image& known = images_[path];
    if (known.tree)
        return known.tree;
    try {
        const auto source = options_.open(path);
        const image::Stamp stamp = source->stamp();
        if (known.id == source->id() && known.stamp == stamp)
            return nullptr;
        const bool is_news = known.id != source->id();
        known.id = source->id();
        known.stamp = stamp;
        try {
            known.tree = ImageTree::open(path, options_, nodes_, next_number_, 0);
            ++next_number_;
            log::info(fmt::format("{}: shown as {}/", path, name));
        } catch (const fat::Refused& e) {
            if (is_news)
                log::info(fmt::format("{}: not shown: {}", path, e.what()));
        }
    } catch (const std::exception& e) {
        log::warning(fmt::format("{}: not shown: {}", path, e.what()));
    }
    return known.tree;
}

void ImageList::forget_removed(const std::map<std::string, std::string>& paths) {
    for (auto i = images_.begin(); i != images_.end();) {
        const bool exists = std::any_of(paths.begin(), paths.end(), [&](const auto& entry) {
            return entry.second == i->first;
        });
        if (!exists && i->second.tree)
            i->second.tree->kill_all();
        i = exists ? std::next(i) : images_.erase(i);
    }
}

} // namespace bootview::view
