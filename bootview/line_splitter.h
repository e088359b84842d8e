// Cuts a stream of bytes into lines. A line without end is handed on in pieces of 4 KiB, so that a
// part that runs wild costs no memory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace bootview {

class LineSplitter {
public:
    static constexpr std::size_t longest_line = 4096;

    // Calls `take(std::string_view)` for each line that `bytes` completes, without its end.
    template<typename Take>
    void feed(std::string_view bytes, Take&& take) {
        for (const char byte : bytes) {
            if (byte != '\n')
                pending_ += byte;
            if (byte == '\n' || pending_.size() >= longest_line)
                flush(take);
        }
    }

    // The stream has ended: what is left is a line too.
    template<typename Take>
    void finish(Take&& take) {
        flush(take);
    }

private:
    template<typename Take>
    void flush(Take& take) {
        const std::string text = std::exchange(pending_, {});
        std::string_view view = text;
        if (view.ends_with('\r'))
            view.remove_suffix(1);
        if (!view.empty())
            take(view);
    }

    std::string pending_;
};

} // namespace bootview
