#include "fuse-fatimg/image/source.h"

#include "fuse-fatimg/image/file.h"
#include "fuse-fatimg/image/nbd.h"

namespace bootview::image {

std::shared_ptr<const Source> open_source(const std::string& name) {
    if (is_nbd_uri(name))
        return std::make_shared<const Nbd>(name);
    return std::make_shared<const File>(name);
}

} // namespace bootview::image
