// What may stand at the top of bootview.toml: options of `bootview serve`, and of tftp-bridge,
// which gets them as they are. One table, by which a file is read and its mistakes are told.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bootview::config {

enum class Form {
    text,
    number,         // whole, from 0
    decimal,        // a number, also with a point
    truth,          // true or false
    texts,          // a text, or a list of them
    text_or_number, // whoever gets it knows what is meant
};

struct Key {
    std::string_view name;
    Form form = Form::text;
    bool for_bridge = false; // tftp-bridge gets it, and says what is wrong with its value
    // Who decides this when systemd runs the parts, and what to type to change it; empty: the key.
    std::string_view by_unit = {};
};

// In alphabetical order.
std::span<const Key> keys();
const Key* find_key(std::string_view name);

// What to write instead of a key that there is not: "did you mean images?"
std::string hint_for(std::string_view unknown_key);

// "a text: mount = \"...\"", for a value that is something else.
std::string wanted(const Key& key);

} // namespace bootview::config
