#include "fuse-fatimg/fuse/extended_attributes.h"

#include <array>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace bootview::fuse {

namespace {

struct OfView {
    std::string_view name;
    std::string (*value)(const view::Status&);
};

constexpr std::array of_view{
    OfView{"user.bootview.mode",
           [](const view::Status& s) -> std::string {
               return s.mode == view::Mode::attached ? "attached" : "poll";
           }},
    OfView{"user.bootview.generation",
           [](const view::Status& s) { return fmt::format("{}", s.epoch); }},
    OfView{"user.bootview.writers",
           [](const view::Status& s) { return fmt::format("{}", s.writers); }},
};

struct OfEntry {
    std::string_view name;
    std::string (*value)(const fat::Entry&);
};

constexpr std::array of_entry{
    OfEntry{"user.bootview.short-name", [](const fat::Entry& e) { return e.short_name; }},
    OfEntry{"user.bootview.attributes",
            [](const fat::Entry& e) { return fmt::format("0x{:02x}", e.attributes); }},
    OfEntry{"user.bootview.first-cluster",
            [](const fat::Entry& e) { return fmt::format("{}", e.first_cluster); }},
};

constexpr std::string_view state = "user.bootview.state";
constexpr std::string_view extents = "user.bootview.extents";
constexpr std::size_t longest = 65536; // XATTR_SIZE_MAX

std::string state_of(const fat::VolumeMarks& marks) {
    if (marks.io_error)
        return marks.in_use ? "dirty io-error" : "io-error";
    return marks.in_use ? "dirty" : "clean";
}

std::string extents_of(view::View& view, view::NodeId node) {
    std::string text;
    for (const Range& piece : view.pieces(node, longest / 3))
        text += fmt::format("{}{}+{}", text.empty() ? "" : " ", piece.offset, piece.length);
    if (text.size() > longest)
        throw std::system_error(E2BIG, std::generic_category());
    return text;
}

} // namespace

std::string extended_attribute(view::View& view, view::NodeId node, std::string_view name) {
    // The kernel asks for others (security.capability) at every turn: these cost nothing.
    if (name.starts_with("user.bootview.")) {
        if (view.is_root(node))
            for (const OfView& attribute : of_view)
                if (attribute.name == name)
                    return attribute.value(view.status(node));
        if (const view::Attributes found = view.attributes(node); found.has_entry)
            for (const OfEntry& attribute : of_entry)
                if (attribute.name == name)
                    return attribute.value(found.entry);
        if (name == state && view.is_volume_root(node))
            return state_of(view.marks(node));
        if (name == extents && view.is_in_volume(node))
            return extents_of(view, node);
    }
    throw std::system_error(ENODATA, std::generic_category());
}

std::string extended_attribute_names(view::View& view, view::NodeId node) {
    std::string names;
    const auto add = [&](std::string_view name) { names.append(name).push_back('\0'); };
    if (view.is_root(node))
        for (const OfView& attribute : of_view)
            add(attribute.name);
    if (view.attributes(node).has_entry)
        for (const OfEntry& attribute : of_entry)
            add(attribute.name);
    if (view.is_volume_root(node))
        add(state);
    if (view.is_in_volume(node))
        add(extents);
    return names;
}

} // namespace bootview::fuse
