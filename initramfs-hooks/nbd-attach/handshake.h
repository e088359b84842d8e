// The client's side of the fixed newstyle handshake (NBD protocol, doc/proto.md, "Newstyle
// negotiation" and "Fixed newstyle"): bytes in, bytes out, no I/O, no allocation.
//
// What may be served is agreed by NBD_OPT_GO; a server that does not know it is asked by
// NBD_OPT_EXPORT_NAME. When the server has no such export, or does not give it to us now,
// NBD_OPT_LIST may tell why: nbdkit refuses without a reason, and our plugin describes an export
// that is in use as such. The machine says how many bytes it wants next, so that not one byte of
// what follows the handshake is taken, which the kernel will read from the same socket.
#pragma once

#include "text.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace bootview::nbd {

using Bytes = std::span<const std::byte>;

// What the server said of the export.
struct Export {
    std::uint64_t size = 0;          // bytes
    std::uint16_t flags = 0;         // NBD_FLAG_*, as the kernel takes them
    std::uint32_t minimum_block = 1; // bytes; what it will accept
};

class Handshake {
public:
    // Longest name of an export: doc/proto.md, "Values", strings.
    static constexpr std::size_t longest_name = 4096;

    enum class State {
        talking,
        starting_tls, // both sides are to start TLS now; then tls_started()
        done,
        failed,
    };

    // The name must live as long as this, and be at most longest_name bytes.
    explicit Handshake(std::string_view export_name, bool with_tls = false);

    State state() const { return state_; }
    // How many bytes receive() is to be called with; never more than 256; 0 unless talking.
    std::size_t wanted() const;
    // Exactly wanted() bytes.
    void receive(Bytes bytes);
    // The server has closed the connection.
    void closed();
    void tls_started();

    // What is to be sent before anything more is received; empty after sent().
    Bytes to_send() const { return {output_.data(), output_length_}; }
    void sent() { output_length_ = 0; }

    // When done.
    const Export& result() const { return export_; }
    // When failed: what is wrong and what to do about it.
    std::string_view failure() const { return failure_.view(); }

private:
    enum class Expecting { magic, flags, reply_header, reply_data, export_name_answer };

    void receive_magic(Bytes bytes);
    void receive_flags(Bytes bytes);
    void receive_reply_header(Bytes bytes);
    void receive_reply_data(Bytes bytes);
    void end_of_reply();
    void take_listed(Bytes entry);
    void error_reply(Bytes text);
    void ask_for_tls();
    void ask_to_go();
    void ask_by_export_name();
    void ask_for_list();
    void end_of_list();
    void begin_option(std::uint32_t option, std::size_t length);
    void put(std::uint64_t value, std::size_t width);
    void put(std::string_view text);
    Text& fail();

    // The longest piece that is looked at as a whole is the beginning of a server's message.
    static constexpr std::size_t longest_piece = 256;

    std::string_view name_;
    bool with_tls_;
    State state_ = State::talking;
    Expecting expecting_ = Expecting::magic;
    bool no_zeroes_ = false;   // of the 124 after an answer to NBD_OPT_EXPORT_NAME
    bool have_export_ = false; // NBD_INFO_EXPORT has come
    unsigned replies_ = 0;     // to all options
    std::uint32_t option_ = 0; // the one that waits for a reply
    std::uint32_t reply_ = 0;  // its type
    std::uint32_t length_ = 0; // of what is still to come of its data
    bool first_piece_ = false; // of a reply's data; the others are left unread
    Export export_;
    Text failure_;     // while the list is asked for, already what is wrong without it
    Text description_; // of our export, in the list
    unsigned listed_ = 0;
    bool found_in_list_ = false;
    std::size_t output_length_ = 0;
    // The client's flags, an option's header, the name and what goes with it.
    std::array<std::byte, longest_name + 64> output_;
};

} // namespace bootview::nbd
