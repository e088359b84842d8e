#include "bootview/doctor/initramfs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace bootview::doctor {

namespace {

// One cpio archive after another, in the "new ASCII" format: a header of 110 characters, the name,
// the content, each padded to a multiple of 4. Takes bytes as they come, and keeps none of a file's
// but those of modules.builtin.
class CpioReader {
public:
    explicit CpioReader(Initramfs& result) : result_(result) {}

    // How many bytes it took: fewer than all where something else than an archive begins.
    std::size_t take(std::span<const std::byte> bytes) {
        std::size_t at = 0;
        while (at < bytes.size() && !ended_) {
            switch (state_) {
            case State::padding: // zeros between archives
                if (bytes[at] == std::byte{0}) {
                    ++at;
                    break;
                }
                state_ = State::header;
                text_.clear();
                break;
            case State::header:
                at += fill(bytes.subspan(at), header_size);
                if (text_.size() >= magic_size && !has_magic()) {
                    ended_ = true;
                    // What was no header was taken in this call or, rarely, in one before.
                    at -= std::min(at, text_.size());
                    break;
                }
                if (text_.size() == header_size)
                    begin_entry();
                break;
            case State::name:
                at += fill(bytes.subspan(at), name_size_);
                if (text_.size() == name_size_)
                    begin_content();
                break;
            case State::content:
                at += content(bytes.subspan(at));
                break;
            }
        }
        return at;
    }
    bool is_between_archives() const { return state_ == State::padding && seen_archive_; }

private:
    enum class State { padding, header, name, content };
    static constexpr std::size_t header_size = 110;
    static constexpr std::size_t magic_size = 6;
    static constexpr std::size_t longest_name = 4096;

    std::size_t fill(std::span<const std::byte> bytes, std::size_t wanted) {
        const std::size_t take = std::min(bytes.size(), wanted - text_.size());
        text_.append(reinterpret_cast<const char*>(bytes.data()), take);
        return take;
    }

    bool has_magic() const {
        const auto magic = std::string_view{text_}.substr(0, magic_size);
        return magic == "070701" || magic == "070702";
    }

    std::uint64_t field(std::size_t index) const {
        std::uint64_t value = 0;
        const char* begin = text_.data() + magic_size + index * 8;
        std::from_chars(begin, begin + 8, value, 16);
        return value;
    }

    static std::uint64_t padded(std::uint64_t size) { return (size + 3) / 4 * 4; }

    void begin_entry() {
        size_ = field(6);
        const std::uint64_t name = field(11);
        if (name == 0 || name > longest_name) {
            ended_ = true;
            return;
        }
        // Name and header are padded together.
        name_size_ = padded(header_size + name) - header_size;
        text_.clear();
        state_ = State::name;
    }

    void begin_content() {
        name_ = text_.substr(0, text_.find('\0'));
        text_.clear();
        if (name_ == "TRAILER!!!") {
            seen_archive_ = true;
            state_ = State::padding;
            return;
        }
        note_name();
        left_ = padded(size_);
        keep_ = name_.ends_with("/modules.builtin");
        state_ = State::content;
        if (left_ == 0)
            end_content();
    }

    std::size_t content(std::span<const std::byte> bytes) {
        const std::size_t take = std::min<std::uint64_t>(bytes.size(), left_);
        if (keep_)
            text_.append(reinterpret_cast<const char*>(bytes.data()), take);
        left_ -= take;
        if (left_ == 0)
            end_content();
        return take;
    }

    void end_content() {
        if (keep_ && text_.find("/nbd.ko") != std::string::npos)
            result_.nbd_kernels.insert(kernel_of(name_));
        text_.clear();
        state_ = State::header;
    }

    // "6.1.0-18-amd64" of ".../lib/modules/6.1.0-18-amd64/...".
    static std::string kernel_of(std::string_view name) {
        constexpr std::string_view marker = "lib/modules/";
        const auto at = name.find(marker);
        if (at == std::string_view::npos)
            return {};
        name.remove_prefix(at + marker.size());
        return std::string(name.substr(0, name.find('/')));
    }

    void note_name() {
        ++result_.files;
        const std::string kernel = kernel_of(name_);
        if (!kernel.empty())
            result_.kernels.insert(kernel);
        const std::string base = name_.substr(name_.rfind('/') + 1);
        if (base == "nbd.ko" || base.starts_with("nbd.ko."))
            result_.nbd_kernels.insert(kernel);
        if (base == "nbd-client" || base == "bootview-nbd-attach")
            result_.has_nbd_client = result_.has_nbd_client || size_ > 0;
        if (name_.find("scripts/bootview") != std::string::npos || base == "bootview-nbd-attach")
            result_.has_bootview = true;
        if (name_.find("scripts/bootview") != std::string::npos ||
            name_.find("local-top/nbd") != std::string::npos ||
            base.find("nbdroot") != std::string::npos)
            result_.has_nbd_script = true;
    }

    Initramfs& result_;
    State state_ = State::padding;
    bool ended_ = false;
    bool seen_archive_ = false;
    std::string text_; // of the header, the name, or a content that is kept
    std::string name_;
    std::size_t name_size_ = 0;
    std::uint64_t size_ = 0;
    std::uint64_t left_ = 0;
    bool keep_ = false;
};

} // namespace

void Initramfs::add(const Initramfs& other) {
    if (state == InitramfsState::complete) {
        state = other.state;
        packing = other.packing;
    }
    files += other.files;
    kernels.insert(other.kernels.begin(), other.kernels.end());
    nbd_kernels.insert(other.nbd_kernels.begin(), other.nbd_kernels.end());
    has_nbd_client = has_nbd_client || other.has_nbd_client;
    has_nbd_script = has_nbd_script || other.has_nbd_script;
    has_bootview = has_bootview || other.has_bootview;
}

Initramfs read_initramfs(std::span<const std::byte> bytes, const Unpack& unpack) {
    constexpr std::array u_boot_magic{std::byte{0x27}, std::byte{0x05}, std::byte{0x19},
                                      std::byte{0x56}};
    constexpr std::size_t u_boot_header = 64; // of mkimage(1)
    if (bytes.size() > u_boot_header &&
        std::equal(u_boot_magic.begin(), u_boot_magic.end(), bytes.begin()))
        bytes = bytes.subspan(u_boot_header);
    Initramfs result;
    CpioReader plain{result};
    const std::size_t taken = plain.take(bytes);
    const auto rest = bytes.subspan(taken);
    if (rest.empty()) {
        if (!plain.is_between_archives())
            result.state = InitramfsState::damaged;
        return result;
    }
    result.packing = packing_of(rest);
    if (!result.packing) {
        result.state = InitramfsState::damaged;
        return result;
    }
    CpioReader packed{result};
    const UnpackResult unpacked = unpack(
        *result.packing, rest, [&](std::span<const std::byte> piece) { packed.take(piece); });
    if (unpacked == UnpackResult::no_such_program)
        result.state = InitramfsState::not_unpackable;
    else if (unpacked == UnpackResult::damaged || !packed.is_between_archives())
        result.state = InitramfsState::damaged;
    return result;
}

} // namespace bootview::doctor
