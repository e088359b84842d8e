// One image: can it be read and written, is it whole, does it hold a FAT that is sound, is there
// room for what clients write?
#pragma once

#include "bootview/doctor/boot_volume.h"
#include "bootview/doctor/finding.h"
#include "fuse-fatimg/image/file.h"
#include "fuse-fatimg/view/contents.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace bootview::doctor {

// An image that can be looked into further.
struct OpenImage {
    std::string path;
    std::shared_ptr<const image::File> file;
    view::Contents contents;
    Range fat; // the partition whose files are shown, in bytes of the image
    std::shared_ptr<const BootVolume> volume;

    ReadAt reader() const;
    // "-i IMAGE@@OFFSET", for mtools(1).
    std::string for_mtools() const;
    // The line that edits a file on the FAT by a sed(1) script.
    std::string edit_line(const std::string& name, const std::string& sed_script) const;
};

// Nothing: there is nothing further to be looked at.
std::optional<OpenImage> check_image(const std::string& path, const view::PartitionChoice& choice,
                                     Findings& findings);

} // namespace bootview::doctor
