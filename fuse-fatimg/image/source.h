// Where the bytes of an image come from: a file, a block device, or whatever else can be read at
// any offset. Everything above image/ knows an image only as this.
#pragma once

#include "change-ring/publisher.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <sys/types.h>
#include <time.h>

namespace bootview::image {

// What stat(2) shows of a change.
struct Stamp {
    std::uint64_t size = 0;
    timespec modified{};
    timespec changed{};
    friend bool operator==(const Stamp& a, const Stamp& b) {
        return a.size == b.size && a.modified.tv_sec == b.modified.tv_sec &&
               a.modified.tv_nsec == b.modified.tv_nsec && a.changed.tv_sec == b.changed.tv_sec &&
               a.changed.tv_nsec == b.changed.tv_nsec;
    }
};

// Any number of threads may call anything. Throws std::system_error.
class Source {
public:
    virtual ~Source() = default;

    // What it was opened as, for messages and for opening it again.
    virtual const std::string& name() const = 0;
    virtual std::uint64_t size() const = 0; // bytes, now: a file may grow
    // Fills `data`; false when the image ends before.
    virtual bool read(std::uint64_t offset, std::span<std::byte> data) const = 0;

    virtual Stamp stamp() const = 0;
    // False: a write leaves no trace in the stamp, so any moment may have brought one.
    virtual bool stamp_tells() const = 0;

    // What a change ring calls it; nothing, if nobody can tell which image it is.
    virtual std::optional<ring::ImageId> id() const = 0;
    // Whose word is taken for what was written to it, beside root's and our own.
    virtual uid_t owner() const = 0;
    // True while the name still leads to this very image.
    virtual bool is_still_there() const = 0;
};

using OpenSource = std::function<std::shared_ptr<const Source>(const std::string& name)>;

// Opens what a user names: a file, a block device, or the URI of an NBD export. Throws
// std::system_error, or std::runtime_error with words that name it.
std::shared_ptr<const Source> open_source(const std::string& name);

} // namespace bootview::image
