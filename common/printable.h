// Text that came from outside, made fit for a log or a terminal. Pure.
#pragma once

#include <string>
#include <string_view>

namespace bootview {

// `text` with every byte that could do more than show a character written as \xNN: control
// characters (line feeds and tabs too), those of C1, what is no UTF-8, and the characters that
// change the direction of text or end a line in Unicode. A name can't clear a screen, forge a line
// of a log, or look like another. What is left is UTF-8, in one line; printable text is unchanged.
std::string printable(std::string_view text);

// The same for text of several lines of our own: line feeds stay.
std::string printable_lines(std::string_view text);

// Each such byte or character as one '?', so that columns keep their width.
std::string printable_in_column(std::string_view text);

} // namespace bootview
