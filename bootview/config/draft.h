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

// Images that lie anywhere and have names of their own, as one directory has them.
class ImageSet {
public:
    void add(const std::string& path);
    // The same, and clients ask for it by this name.
    void add(const std::string& path, const std::string& name);
    bool empty() const { return images_.empty(); }
    bool has(const std::string& path) const { return find(path) != nullptr; }

    // The directory where most of them are.
    std::string directory() const;
    // What the image is called there, once the links are made.
    std::string name_of(const std::string& path) const;

    struct Link {
        std::string image;
        std::string path;
    };
    // Without which an image is not found by its names. Another image may be in the way of one.
    std::vector<Link> links() const;

private:
    struct Image {
        std::string path;
        std::vector<std::string> names = {}; // that clients ask for; empty: any
    };
    const Image* find(const std::string& path) const;
    std::string own_name(const std::string& path) const;
    std::string free_name(const std::string& path) const;
    bool is_inside(const std::string& path) const;

    std::vector<Image> images_;
};

class Draft {
public:
    explicit Draft(const std::vector<ServerSources>& servers);

    // A line that has no counterpart, or none that is the same: a comment. Said once.
    void note(const SourceLine& line, std::string_view why);
    // A comment about no single line.
    void remark(std::string text);
    // To be typed before the configuration counts.
    void command(std::string line);

    void set(const std::string& key, std::string toml) { options_[key] = std::move(toml); }
    bool has(const std::string& key) const { return options_.contains(key); }
    // The same, for a line that says so: if two servers do not agree, that is said.
    void set(const SourceLine& line, const std::string& key, const std::string& toml);
    // One more of a list of texts, each of which it has once.
    void add(const std::string& key, const std::string& text);

    struct Client {
        std::vector<std::string> comments = {};
        std::vector<std::pair<std::string, std::string>> keys = {}; // to values as TOML has them
    };
    void add(Client client) { clients_.push_back(std::move(client)); }

    std::string text() const;

    ImageSet images;

private:
    struct Note {
        std::size_t file = 0; // of files_
        unsigned line = 0;
        std::string text;
    };

    std::string head_;
    std::vector<std::string> files_;
    std::vector<std::string> commands_;
    std::vector<Note> notes_;
    std::vector<std::string> remarks_;
    std::map<std::string, std::string> options_;
    std::map<std::string, std::vector<std::string>> lists_;
    std::vector<Client> clients_;
};

// Each takes what its server says into the draft.
void import_nbd_server(Draft& draft, const std::vector<Source>& sources);
// After nbd-server, whose file says what images are called.
void import_nobodd(Draft& draft, const std::vector<Source>& sources);
void import_dnsmasq(Draft& draft, const std::vector<Source>& sources);

} // namespace bootview::config
