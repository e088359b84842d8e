// The plugin's parameters, as given on nbdkit's command line.
#pragma once

#include "nbdkit-plugin/image_file.h"
#include "nbdkit-plugin/notify_settings.h"
#include "nbdkit-plugin/writers.h"

#include <string>

namespace bootview::plugin {

struct Settings {
    std::string file;           // serve this image …
    std::string directory;      // … or the images in here; absolute
    std::string default_export; // dir mode: what an empty export name means
    CacheMode cache = CacheMode::normal;
    int fadvise = 0;
    bool read_only = false;               // nbdkit -r: nobody will write
    WriterRule writers = WriterRule::any; // as with the file plugin
    NotifySettings notify; // socket, or directory of sockets; empty: derived; "none": no ring

    // Takes one key=value. Throws std::invalid_argument with a message for the user.
    void set(const std::string& key, const std::string& value);
    // What only shows when all are known.
    void check() const;
};

} // namespace bootview::plugin
