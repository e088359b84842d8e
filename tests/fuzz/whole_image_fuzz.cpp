// A whole image, mounted but for FUSE: everything that a kernel asks of it, asked of any image.
//
// Input: a base image (1 byte), what to show of it (1 byte), then edits (image_edits.h). What comes
// behind a look_around is done to the image while it is mounted, and everything is asked again.
#include "fuse-fatimg/fat/name.h"
#include "fuse-fatimg/view/view.h"
#include "tests/fuzz/base_images.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/heap_meter.h"
#include "tests/fuzz/image_edits.h"
#include "tests/fuzz/memory_source.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <set>
#include <system_error>
#include <vector>

using namespace bootview;
using namespace bootview::fuzz;
using view::NodeId;

namespace {

// No request takes a second or 256 MB: what makes up a second is counted, since a time would
// depend on the machine. An edited image has chains of 60,000 clusters at most.
constexpr std::uint64_t calls_of_a_request = 400'000;
constexpr std::uint64_t bytes_of_a_request = std::uint64_t{512} << 20;
constexpr std::size_t memory_in_all = std::size_t{192} << 20;
constexpr unsigned deepest = 8;
constexpr std::size_t most_pieces = 100;

// Plays the kernel.
class Kernel {
public:
    // Of a sound image, all can be read.
    Kernel(view::View& view, const SparseImage& image, bool is_sound)
        : view_(view), image_(image), is_sound_(is_sound) {}

    void look_around() {
        requests_left_ = 400;
        walk(view::root_id, 0);
        for (const auto& file : open_files_)
            read(*file.handle, file.size);
        request([&] { return view_.is_root(view::root_id); });
        request([&] { return view_.status(view::root_id).epoch; });
        require(!view_.describe().empty(), "a view can be described");
    }

    void count_space() {
        request([&] {
            const view::Space space = view_.space(view::root_id);
            require(space.free <= space.clusters, "no more is free than there is");
            return 0;
        });
    }

    // In no order that a parent or a child could count on.
    void forget_all() {
        open_files_.clear();
        for (const auto& [id, count] : lookups_)
            if (id % 3 == 0)
                forget(id, count);
        for (const auto& [id, count] : lookups_)
            if (id % 3 != 0)
                forget(id, count);
        lookups_.clear();
    }

private:
    struct Open {
        std::shared_ptr<view::OpenFile> handle;
        std::uint64_t size;
    };

    // The error, or 0; nothing but what a kernel expects may come.
    template<typename Function>
    int request(Function function) {
        if (requests_left_ == 0)
            return ECANCELED;
        --requests_left_;
        image_.reset_work();
        int error = 0;
        try {
            function();
        } catch (const std::system_error& e) {
            error = e.code().value();
            require(error == EIO || error == ESTALE || error == ENOENT || error == ENOTDIR ||
                        error == EISDIR || error == E2BIG,
                    "an error that a kernel expects");
        }
        require(error == 0 || !is_sound_, "of a sound image, all can be read");
        require(image_.work().calls <= calls_of_a_request,
                "a request takes a bounded number of reads");
        require(image_.work().bytes <= bytes_of_a_request,
                "a request takes a bounded number of bytes");
        require(heap_peak() <= memory_in_all, "memory is bounded");
        return error;
    }

    int lookup(NodeId directory, const std::string& name, view::Attributes& attributes) {
        return request([&] {
            attributes = view_.lookup(directory, name);
            ++lookups_[attributes.id];
            require(attributes.inode != 0, "an inode number is not 0");
        });
    }

    void walk(NodeId directory, unsigned depth) {
        std::vector<view::DirectoryEntry> entries;
        if (request([&] { entries = view_.list(directory); }) != 0)
            return;
        require(entries.size() <= fat::maximum_slots,
                "a directory has a bounded number of entries");
        for (const view::DirectoryEntry& entry : entries)
            require(fat::is_presentable(entry.name) && entry.inode != 0,
                    "every listed entry may be given to a kernel");
        // Large directories: the first ones and the last ones.
        for (std::size_t i = 0; i < entries.size() && requests_left_ > 0; ++i)
            if (i < 40 || i + 4 > entries.size())
                visit(directory, entries[i], depth);
    }

    void visit(NodeId directory, const view::DirectoryEntry& entry, unsigned depth) {
        view::Attributes found;
        const int error = lookup(directory, entry.name, found);
        require(error != ENOENT, "every listed name is found");
        if (error != 0)
            return;
        require(!found.has_entry || found.entry.name == entry.name ||
                    found.entry.short_name == entry.name,
                "a lookup gives what was asked for");
        view::Attributes again;
        if (found.has_entry) {
            std::string capitals = entry.name;
            std::transform(capitals.begin(), capitals.end(), capitals.begin(), [](char c) {
                return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
            });
            require(lookup(directory, capitals, again) != ENOENT, "names are found in capitals");
            if (fat::is_presentable(found.entry.short_name))
                require(lookup(directory, found.entry.short_name, again) != ENOENT,
                        "every short name is found");
        }
        request([&] { return view_.attributes(found.id); });
        request([&] { return view_.is_in_volume(found.id); });
        std::vector<Range> pieces;
        if (request([&] { pieces = view_.pieces(found.id, most_pieces); }) == 0)
            check_pieces(pieces, found);
        if (!found.is_directory)
            open(found);
        else if (depth < deepest)
            walk(found.id, depth + 1);
    }

    void check_pieces(const std::vector<Range>& pieces, const view::Attributes& found) {
        require(pieces.size() <= most_pieces, "no more pieces are given than were asked for");
        std::uint64_t sum = 0;
        for (const Range& piece : pieces) {
            require(piece.length > 0 && piece.offset < image_.size() &&
                        piece.length <= image_.size() - piece.offset,
                    "a file lies inside of the image");
            sum += piece.length;
        }
        require(found.is_directory || sum == found.entry.size, "the pieces sum up to the size");
    }

    void open(const view::Attributes& file) {
        std::shared_ptr<view::OpenFile> handle;
        if (request([&] { handle = view_.open(file.id); }) != 0)
            return;
        read(*handle, file.entry.size);
        if (open_files_.size() < 4)
            open_files_.push_back({handle, file.entry.size});
    }

    void read(const view::OpenFile& file, std::uint64_t size) {
        std::vector<std::byte> buffer(16384);
        for (const std::uint64_t offset :
             {std::uint64_t{0}, size / 2, size - std::min<std::uint64_t>(size, 1), size,
              size + (std::uint64_t{1} << 40)})
            request([&] {
                const std::size_t got = view_.read(file, offset, buffer);
                const std::uint64_t left = offset < size ? size - offset : 0;
                require(got == std::min<std::uint64_t>(left, buffer.size()),
                        "a read gives all there is");
            });
    }

    void forget(NodeId id, std::uint64_t count) {
        if (id % 2 == 0 && count > 1) {
            view_.forget(id, 1);
            --count;
        }
        view_.forget(id, count);
    }

    view::View& view_;
    const SparseImage& image_;
    const bool is_sound_;
    unsigned requests_left_ = 0;
    std::map<NodeId, std::uint64_t> lookups_;
    std::vector<Open> open_files_;
};

// The first byte of an input. The huge images are rare among mutations: they cost more time.
const BaseImage& base_of(unsigned choice) {
    static constexpr std::array<unsigned, 7> small{0, 1, 2, 5, 6, 7, 8};
    return base_image(choice < base_image_count ? choice : small[choice % small.size()]);
}

view::View::Options options_of(unsigned choice, const std::shared_ptr<MemorySource>& source) {
    view::View::Options options;
    options.source = source->name();
    options.tree.open = [source](const std::string&) { return source; };
    options.tree.partition.all = choice % 4 == 1;
    if (choice % 4 == 2)
        options.tree.partition.number = choice / 8 % 8;
    options.patience = std::chrono::milliseconds{0};
    return options;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input{data, size};
    const BaseImage& base = base_of(input.u8());
    const unsigned choice = input.u8();
    const bool is_sound = input.empty();
    SparseImage image{&base.image};
    Editor editor{image, base.volumes};
    bool goes_on = editor.apply(input);

    const auto source = std::make_shared<MemorySource>(image);
    reset_heap_peak();
    try {
        view::View view{options_of(choice, source)};
        Kernel kernel{view, image, is_sound};
        kernel.look_around();
        if ((choice & 4) != 0)
            kernel.count_space();
        while (goes_on) {
            goes_on = editor.apply(input);
            source->touch();
            reset_heap_peak();
            kernel.look_around();
        }
        kernel.forget_all();
    } catch (const fat::Refused& e) {
        require(e.what()[0] != '\0', "a refusal says why");
    } catch (const std::system_error& e) { // of the constructor: the image cannot be read
        require(e.code().value() == EIO, "an image is shown, refused, or cannot be read");
    }
    return 0;
}
