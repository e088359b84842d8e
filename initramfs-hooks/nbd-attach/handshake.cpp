#include "initramfs-hooks/nbd-attach/handshake.h"

#include <algorithm>

namespace bootview::nbd {
namespace {

// doc/proto.md, "Values" and the sections named.
constexpr std::uint64_t nbd_magic = 0x4e42444d41474943;      // "NBDMAGIC"
constexpr std::uint64_t option_magic = 0x49484156454f5054;   // "IHAVEOPT"
constexpr std::uint64_t oldstyle_magic = 0x0000420281861253; // "Oldstyle negotiation"
constexpr std::uint64_t reply_magic = 0x0003e889045565a9;    // "Option negotiation"

constexpr std::uint16_t flag_fixed_newstyle = 1 << 0; // the client's flags have the same bits
constexpr std::uint16_t flag_no_zeroes = 1 << 1;

constexpr std::uint32_t option_export_name = 1;
constexpr std::uint32_t option_list = 3;
constexpr std::uint32_t option_starttls = 5;
constexpr std::uint32_t option_go = 7;

constexpr std::uint32_t reply_ack = 1;
constexpr std::uint32_t reply_server = 2;
constexpr std::uint32_t reply_info = 3;
constexpr std::uint32_t reply_is_error = 1U << 31;
constexpr std::uint32_t error_unsupported = reply_is_error + 1;
constexpr std::uint32_t error_policy = reply_is_error + 2;
constexpr std::uint32_t error_tls_required = reply_is_error + 5;
constexpr std::uint32_t error_unknown = reply_is_error + 6;
constexpr std::uint32_t error_shutdown = reply_is_error + 7;

constexpr std::uint16_t info_export = 0;
constexpr std::uint16_t info_block_size = 3;

// A server may say a lot about an export. One that goes on for longer than this is none.
constexpr std::uint32_t longest_reply = 65536;
constexpr unsigned most_replies = 64;
constexpr unsigned max_listed = 4096;

std::uint64_t number(Bytes bytes) {
    std::uint64_t value = 0;
    for (const auto byte : bytes)
        value = value << 8 | std::to_integer<std::uint64_t>(byte);
    return value;
}

} // namespace

Handshake::Handshake(std::string_view export_name, bool with_tls)
    : name_(export_name), with_tls_(with_tls) {
    if (name_.size() > longest_name)
        fail() << "the name of the export is longer than 4096 bytes, which is the most NBD knows";
}

Text& Handshake::fail() {
    state_ = State::failed;
    output_length_ = 0;
    return failure_ = Text();
}

std::size_t Handshake::wanted() const {
    if (state_ != State::talking)
        return 0;
    switch (expecting_) {
    case Expecting::magic:
        return 16;
    case Expecting::flags:
        return 2;
    case Expecting::reply_header:
        return 20;
    case Expecting::reply_data:
    case Expecting::export_name_answer:
        return std::min<std::size_t>(length_, longest_piece);
    }
    return 0;
}

void Handshake::receive(Bytes bytes) {
    switch (expecting_) {
    case Expecting::magic:
        return receive_magic(bytes);
    case Expecting::flags:
        return receive_flags(bytes);
    case Expecting::reply_header:
        return receive_reply_header(bytes);
    case Expecting::reply_data:
        return receive_reply_data(bytes);
    case Expecting::export_name_answer:
        export_.size = number(bytes.first(8));
        export_.flags = static_cast<std::uint16_t>(number(bytes.subspan(8, 2)));
        state_ = State::done;
        return;
    }
}

void Handshake::receive_magic(Bytes bytes) {
    if (number(bytes.first(8)) != nbd_magic) {
        fail() << "what answers there is no NBD server: is it the right port?";
        return;
    }
    switch (number(bytes.subspan(8))) {
    case option_magic:
        expecting_ = Expecting::flags;
        return;
    case oldstyle_magic:
        fail() << "the server speaks the oldstyle protocol, which knows no exports: start it "
                  "newstyle (nbdkit without -o, nbd-server without a port of its own)";
        return;
    default:
        fail() << "the server speaks an NBD protocol that is neither newstyle nor oldstyle";
    }
}

void Handshake::receive_flags(Bytes bytes) {
    const auto flags = number(bytes);
    no_zeroes_ = (flags & flag_no_zeroes) != 0;
    put(flags & (flag_fixed_newstyle | flag_no_zeroes), 4);
    // Without "fixed" every option but this one ends the connection.
    if ((flags & flag_fixed_newstyle) == 0)
        return ask_by_export_name();
    with_tls_ ? ask_for_tls() : ask_to_go();
}

void Handshake::receive_reply_header(Bytes bytes) {
    const auto option = number(bytes.subspan(8, 4));
    reply_ = static_cast<std::uint32_t>(number(bytes.subspan(12, 4)));
    length_ = static_cast<std::uint32_t>(number(bytes.subspan(16, 4)));
    const unsigned max_replies = option_ == option_list ? max_listed : most_replies;
    if (number(bytes.first(8)) != reply_magic || option != option_ || length_ > longest_reply ||
        ++replies_ > max_replies) {
        if (option_ == option_list)
            return end_of_list();
        fail() << "the server does not keep to the NBD protocol while an export is negotiated";
        return;
    }
    expecting_ = Expecting::reply_data;
    first_piece_ = true;
    if (length_ == 0)
        receive_reply_data({});
}

void Handshake::receive_reply_data(Bytes bytes) {
    length_ -= static_cast<std::uint32_t>(bytes.size());
    if (first_piece_ && (reply_ & reply_is_error) != 0)
        return error_reply(bytes);
    if (first_piece_ && option_ == option_list && reply_ == reply_server)
        take_listed(bytes);
    if (first_piece_ && reply_ == reply_info && bytes.size() >= 2) {
        const auto type = number(bytes.first(2));
        if (type == info_export && bytes.size() >= 12) {
            export_.size = number(bytes.subspan(2, 8));
            export_.flags = static_cast<std::uint16_t>(number(bytes.subspan(10, 2)));
            have_export_ = true;
        } else if (type == info_block_size && bytes.size() >= 14) {
            export_.minimum_block = static_cast<std::uint32_t>(number(bytes.subspan(2, 4)));
        }
    }
    first_piece_ = false;
    if (length_ == 0)
        end_of_reply();
}

void Handshake::end_of_reply() {
    expecting_ = Expecting::reply_header;
    if (reply_ != reply_ack)
        return; // of any other kind there may be more
    if (option_ == option_list)
        return end_of_list();
    if (option_ == option_starttls) {
        state_ = State::starting_tls;
        return;
    }
    if (!have_export_) {
        fail() << "the server agrees to an export without a word about its size";
        return;
    }
    state_ = State::done;
}

void Handshake::error_reply(Bytes text) {
    if (option_ == option_list)
        return end_of_list();
    // The text may go on, but the handshake does not.
    if (reply_ == error_unsupported && option_ == option_go && length_ == 0)
        return ask_by_export_name();
    Text& words = fail();
    switch (reply_) {
    case error_unknown:
        (words << "the server has no export '").quote(name_.substr(0, 120))
            << "': write one that it has (nbdinfo --list nbd://SERVER lists them)";
        break;
    case error_policy:
        words << "the server does not let this machine have it";
        break;
    case error_tls_required:
        words << "the server wants TLS, which can't be had here yet: let it do without for this "
                 "machine, or use nbd-client with a certificate";
        break;
    case error_shutdown:
        words << "the server is shutting down";
        break;
    case error_unsupported:
        words << "the server does not know what it was asked (option " << option_ << ")";
        break;
    default:
        words << "the server refuses (NBD error " << (reply_ & ~reply_is_error) << ")";
    }
    if (!text.empty()) {
        words << "; it says: ";
        for (const auto byte : text) {
            const char c = std::to_integer<char>(byte);
            words.quote({&c, 1});
        }
    }
    if (reply_ == error_unknown && option_ == option_go && length_ == 0)
        ask_for_list();
}

// An export of the list: the length of its name, its name, its description.
void Handshake::take_listed(Bytes entry) {
    ++listed_;
    if (entry.size() < 4)
        return;
    const auto size = number(entry.first(4));
    if (size > entry.size() - 4)
        return;
    const std::string_view text(reinterpret_cast<const char*>(entry.data()) + 4, entry.size() - 4);
    // A server that has a single one, without a name, may give it by every name.
    const bool is_ours = text.substr(0, size) == name_;
    if (is_ours || (size == 0 && listed_ == 1))
        (description_ = Text()).quote(text.substr(size));
    else if (!found_in_list_)
        description_ = Text();
    found_in_list_ = found_in_list_ || is_ours;
}

void Handshake::end_of_list() {
    state_ = State::failed;
    if (!description_.empty())
        (fail() << "the server does not give export '").quote(name_.substr(0, 120))
            << "' now: " << description_.view();
}

void Handshake::closed() {
    if (state_ != State::talking)
        return;
    if (option_ == option_list)
        return end_of_list();
    switch (expecting_) {
    case Expecting::magic:
        fail() << "the server hangs up without a word: does it let this machine in?";
        return;
    case Expecting::export_name_answer:
        (fail() << "the server hangs up, as it does when it has no export '")
                .quote(name_.substr(0, 120))
            << "'";
        return;
    default:
        fail() << "the server hangs up in the middle of the handshake: its log says why";
    }
}

void Handshake::tls_started() {
    state_ = State::talking;
    ask_to_go();
}

void Handshake::ask_for_tls() {
    begin_option(option_starttls, 0);
    expecting_ = Expecting::reply_header;
}

void Handshake::ask_to_go() {
    begin_option(option_go, 4 + name_.size() + 4);
    put(name_.size(), 4);
    put(name_);
    put(1, 2); // one piece of information is asked for besides the export's size
    put(info_block_size, 2);
    expecting_ = Expecting::reply_header;
}

void Handshake::ask_by_export_name() {
    if (with_tls_) {
        fail() << "the server can't do TLS";
        return;
    }
    begin_option(option_export_name, name_.size());
    put(name_);
    expecting_ = Expecting::export_name_answer;
    length_ = no_zeroes_ ? 10 : 10 + 124;
}

void Handshake::ask_for_list() {
    state_ = State::talking;
    replies_ = 0;
    begin_option(option_list, 0);
    expecting_ = Expecting::reply_header;
}

void Handshake::begin_option(std::uint32_t option, std::size_t length) {
    option_ = option;
    put(option_magic, 8);
    put(option, 4);
    put(length, 4);
}

void Handshake::put(std::uint64_t value, std::size_t width) {
    for (std::size_t shift = width * 8; shift != 0;) {
        shift -= 8;
        output_[output_length_++] = static_cast<std::byte>(value >> shift);
    }
}

void Handshake::put(std::string_view text) {
    for (const char c : text)
        output_[output_length_++] = static_cast<std::byte>(c);
}

} // namespace bootview::nbd
