#include "fuse-fatimg/fuse/extended_attributes.h"

#include <array>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

namespace bootview::fuse {

namespace {

struct Attribute {
    std::string_view name;
    std::string (*value)(const view::Status&);
};

constexpr std::array table{
    Attribute{"user.bootview.mode",
              [](const view::Status& s) -> std::string {
                  return s.mode == view::Mode::attached ? "attached" : "poll";
              }},
    Attribute{"user.bootview.generation",
              [](const view::Status& s) { return fmt::format("{}", s.epoch); }},
    Attribute{"user.bootview.writers",
              [](const view::Status& s) { return fmt::format("{}", s.writers); }},
};

} // namespace

std::string extended_attribute(view::View& view, view::NodeId node, std::string_view name) {
    if (view.is_root(node))
        for (const Attribute& attribute : table)
            if (attribute.name == name)
                return attribute.value(view.status(node));
    throw std::system_error(ENODATA, std::generic_category());
}

std::string extended_attribute_names(view::View& view, view::NodeId node) {
    std::string names;
    if (view.is_root(node))
        for (const Attribute& attribute : table)
            names.append(attribute.name).push_back('\0');
    return names;
}

} // namespace bootview::fuse
