#include "fuse-fatimg/image/source.h"

#include "fuse-fatimg/image/file.h"

namespace bootview::image {

std::shared_ptr<const Source> open_source(const std::string& name) {
    return std::make_shared<const File>(name);
}

} // namespace bootview::image
