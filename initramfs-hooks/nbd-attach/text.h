// A message of bounded length. The program is for an initramfs, and must never need memory while
// the device that memory could be written to waits for it: so no strings that grow, and no streams.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bootview::nbd {

class Text {
public:
    Text() = default;
    explicit Text(std::string_view text) { *this << text; }

    // What does not fit is cut off.
    Text& operator<<(std::string_view text) {
        for (const char c : text)
            if (length_ < text_.size())
                text_[length_++] = c;
        return *this;
    }
    Text& operator<<(std::uint64_t number) {
        std::array<char, 20> digits;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
        return *this << std::string_view(digits.data(),
                                         static_cast<std::size_t>(end - digits.data()));
    }
    // Somebody else's words, for a terminal: nothing in them may be taken for a command.
    Text& quote(std::string_view text) {
        for (const char c : text)
            *this << (c >= ' ' && c <= '~' ? std::string_view(&c, 1) : "?");
        return *this;
    }

    std::string_view view() const { return {text_.data(), length_}; }
    bool empty() const { return length_ == 0; }

private:
    std::array<char, 480> text_{};
    std::size_t length_ = 0;
};

} // namespace bootview::nbd
