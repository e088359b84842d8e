// A bootview.toml that is being written: keys, clients, and what could not be taken over.
#pragma once

#include "bootview/config/config.h"
#include "bootview/config/source_line.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bootview::config {

class Draft {
public:
    // `kind` as it is called on the command line.
    Draft(std::string_view kind, const std::vector<Source>& sources);

    // A line that has no counterpart, or none that is the same: a comment.
    void note(const SourceLine& line, std::string_view why);
    // A comment about no single line.
    void remark(std::string text);

    void set(const std::string& key, std::string toml) { options_[key] = std::move(toml); }
    // One more of a list of texts.
    void add(const std::string& key, const std::string& text) { lists_[key].push_back(text); }

    struct Client {
        std::vector<std::string> comments = {};
        std::vector<std::pair<std::string, std::string>> keys = {}; // to values as TOML has them
        // It would be wrong as it stands; the comments say what to do first.
        bool commented_out = false;
    };
    void add(Client client) { clients_.push_back(std::move(client)); }

    std::string text() const;

private:
    std::string head_;
    std::vector<std::string> notes_;
    std::map<std::string, std::string> options_;
    std::map<std::string, std::vector<std::string>> lists_;
    std::vector<Client> clients_;
};

// Images that lie anywhere, as one directory has them.
class ImageSet {
public:
    void add(const std::string& path);
    // The directory where most of them are.
    std::string directory() const;
    // What the image is called if its directory is served: as by common/images_in.h.
    std::string name_of(const std::string& path) const;
    bool is_inside(const std::string& path) const;

private:
    std::vector<std::string> paths_;
};

} // namespace bootview::config
