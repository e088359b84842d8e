#include "tftp-bridge/dhcp/answer.h"

#include <fmt/format.h>

#include <algorithm>

namespace bootview::dhcp {
namespace {

constexpr std::array<std::string_view, silence_count> silence_words = {
    "not-a-request",
    "not-booting",
    "no-architecture",
    "not-discover",
    "not-for-boot-server",
    "no-boot-program",
    "no-url",
    "no-ipxe-script",
    "pi-switched-off",
    "unknown-menu-entry",
    "wants-credentials",
    "no-local-address",
    "not-adopted",
};

// One question, with what is known about it; what is the same in all answers is written here.
class Question {
public:
    Question(const Message& message, const Arrival& arrival, const AnswerSettings& settings)
        : message_(message), arrival_(arrival), settings_(settings) {}

    Answer answer(const FindBootFiles& find_boot_files);

private:
    bool on_boot_server_port() const { return arrival_.port == boot_server_port; }

    std::optional<Ignored> refuse_by_type() const;
    Ignored refuse_stranger() const;
    static Ignored refuse_ipxe(const std::string& program);
    Answer answer_choice(BootItem item, const std::optional<Machine>& machine) const;
    Answer answer_pi(const Machine& machine) const;
    Answer answer_http(const Machine& machine, const BootFiles& files) const;
    Answer answer_program(const Machine& machine, const std::string& file) const;
    std::optional<Answer> answer_menu(const Machine& machine) const;

    // An answer's header, and the options that come before those that differ: old ROMs know their
    // places. 97 is echoed (RFC 4578 §2.3), and missed by nobody if the client sent none.
    Message begin(std::string_view vendor_class) const;
    Reply finish(Message reply, std::string what, std::optional<BootClass> boot_class) const;

    const Message& message_;
    const Arrival& arrival_;
    const AnswerSettings& settings_;
};

// Types are counted over the whole menu, so that each entry keeps its own.
std::uint16_t type_of(const std::vector<MenuEntry>& menu, std::size_t entry) {
    if (menu[entry].file.empty())
        return local_boot;
    const auto before =
        std::count_if(menu.begin(), menu.begin() + static_cast<std::ptrdiff_t>(entry),
                      [](const MenuEntry& other) { return !other.file.empty(); });
    return static_cast<std::uint16_t>(first_free_type + before);
}

bool is_for(const MenuEntry& entry, Architecture architecture) {
    return !entry.architecture ||
           program_architecture(*entry.architecture) == program_architecture(architecture);
}

void set_boot_file(Message& reply, const std::string& file) {
    if (file.size() <= max_file_bytes)
        reply.file = file;
    else // as only URLs are; the firmware that takes those knows the option
        reply.options.push_back({Code::boot_file, value_of(file)});
}

} // namespace

std::string_view to_string(Silence silence) {
    return silence_words[static_cast<std::size_t>(silence)];
}

bool is_ipxe_program(std::string_view file) {
    const auto slash = file.find_last_of('/');
    if (slash != std::string_view::npos)
        file.remove_prefix(slash + 1);
    return file.starts_with("undionly.") || file.starts_with("ipxe.") ||
           file.starts_with("ipxe-") || file.starts_with("snponly");
}

Answer answer(const Message& message, const Arrival& arrival, const AnswerSettings& settings,
              const FindBootFiles& find_boot_files) {
    return Question(message, arrival, settings).answer(find_boot_files);
}

Answer Question::answer(const FindBootFiles& find_boot_files) {
    if (message_.operation != Operation::request)
        return Ignored{Silence::not_a_request, "it is a reply, not a request"};
    const auto [machine, not_booting] = identify(message_);
    if (!machine && not_booting != NotBooting::no_architecture)
        return Ignored{Silence::not_booting,
                       not_booting == NotBooting::no_vendor_class
                           ? "it does not boot from the network: it has no vendor class (option 60)"
                           : "it does not boot from the network: its vendor class (option 60) is "
                             "neither PXEClient nor HTTPClient"};
    if (auto ignored = refuse_by_type())
        return *ignored;
    if (arrival_.local.is_zero())
        return Ignored{Silence::no_local_address,
                       "the interface it came from has no IPv4 address; give it one"};

    if (on_boot_server_port() && message_.type() != MessageType::discover) {
        const auto option43 = message_.find(Code::vendor_specific);
        if (const auto item = option43 ? parse_boot_item(*option43) : std::nullopt) {
            // Who was not offered the menu has nothing to choose.
            if (!settings_.adopt && !(machine && find_boot_files(*machine).named))
                return refuse_stranger();
            return answer_choice(*item, machine);
        }
    }
    if (!machine)
        return Ignored{Silence::no_architecture,
                       "it does not say what it is (no option 93), as PXE demands"};

    if (machine->boot_class == BootClass::pi)
        return answer_pi(*machine);
    const auto files = find_boot_files(*machine);
    if (!settings_.adopt && !files.named)
        return refuse_stranger();
    if (machine->boot_class == BootClass::http)
        return answer_http(*machine, files);
    if (machine->boot_class == BootClass::ipxe && !files.ipxe_script.empty())
        return answer_program(*machine, files.ipxe_script);
    if (auto menu = answer_menu(*machine))
        return *menu;
    if (files.program.empty() && machine->boot_class == BootClass::ipxe)
        return refuse_ipxe("");
    if (files.program.empty())
        return Ignored{Silence::no_boot_program,
                       is_known(machine->architecture)
                           ? fmt::format("there is no boot program for {}; put one into its root "
                                         "directory, or name one with --boot-file {}=FILE",
                                         to_string(machine->architecture),
                                         to_string(program_architecture(machine->architecture)))
                           : fmt::format("nothing is known about {}; name a boot program with "
                                         "--boot-file {}=FILE",
                                         to_string(machine->architecture),
                                         static_cast<unsigned>(machine->architecture))};
    if (machine->boot_class == BootClass::ipxe &&
        (files.program_starts_ipxe || is_ipxe_program(files.program)))
        return refuse_ipxe(files.program);
    return answer_program(*machine, files.program);
}

std::optional<Ignored> Question::refuse_by_type() const {
    const auto type = message_.type();
    if (!on_boot_server_port()) {
        if (type == MessageType::discover)
            return std::nullopt;
        return Ignored{Silence::not_discover,
                       "it talks to its DHCP server about the address (no DHCPDISCOVER)"};
    }
    if (type == MessageType::discover || type == MessageType::request ||
        type == MessageType::inform)
        return std::nullopt;
    return Ignored{Silence::not_for_boot_server, "it asks nothing that a boot server answers"};
}

Ignored Question::refuse_stranger() const {
    return {Silence::not_adopted,
            fmt::format("it is not known here, and may have a disk to boot from; name it by a "
                        "[[client]] with mac = \"{}\", or say --adopt to boot whatever asks",
                        message_.mac().to_string())};
}

Ignored Question::refuse_ipxe(const std::string& program) {
    return {Silence::no_ipxe_script,
            fmt::format("it is iPXE already, and {}; name what iPXE is to load, a script or URL, "
                        "with --ipxe-script (ipxe-script in the configuration, also of its "
                        "[[client]]), or put autoexec.ipxe into its root",
                        program.empty() ? "there is nothing for it to load"
                                        : program + " would start iPXE again")};
}

// The client has chosen from the menu (PXE 2.1 §2.2.5, "boot server discovery").
Answer Question::answer_choice(BootItem item, const std::optional<Machine>& machine) const {
    if (item.layer & credentials_bit)
        return Ignored{Silence::wants_credentials,
                       "it asks for signed boot files (BIS), which there are none of"};
    for (std::size_t i = 0; i < settings_.menu.size(); ++i) {
        const auto& entry = settings_.menu[i];
        if (entry.file.empty() || type_of(settings_.menu, i) != item.type ||
            (machine && !is_for(entry, machine->architecture)))
            continue;
        auto reply = begin("PXEClient");
        // The only answer with a "your address", the client's own: it has one, and wants to see it.
        reply.your = message_.client;
        reply.client = Ipv4{};
        reply.server_name = arrival_.local.to_string();
        set_boot_file(reply, entry.file);
        reply.options.push_back({Code::vendor_specific, boot_item_option(item)});
        return finish(std::move(reply), entry.file,
                      machine ? std::optional(machine->boot_class) : std::nullopt);
    }
    return Ignored{Silence::unknown_menu_entry,
                   fmt::format("it has chosen entry {:#06x}, which is not in the menu", item.type)};
}

Answer Question::answer_pi(const Machine& machine) const {
    if (settings_.pi_menu.empty())
        return Ignored{Silence::pi_switched_off,
                       "it is a Raspberry Pi, and those are switched off; give --pi-menu a text"};
    auto reply = begin("PXEClient");
    const auto menu = menu_option({{local_boot, settings_.pi_menu}}, PxePrompt{}, arrival_.local);
    if (!menu)
        return Ignored{Silence::pi_switched_off, "--pi-menu is too long for one option"};
    reply.options.push_back({Code::vendor_specific, *menu});
    return finish(std::move(reply), "Raspberry Pi boot", machine.boot_class);
}

Answer Question::answer_http(const Machine& machine, const BootFiles& files) const {
    if (files.url.empty())
        return Ignored{
            Silence::no_url,
            fmt::format("it boots by HTTP, and no URL is set; set one with --http-boot {}=URL, or "
                        "let it boot by PXE",
                        to_string(program_architecture(machine.architecture)))};
    auto reply = begin("HTTPClient");
    set_boot_file(reply, files.url);
    return finish(std::move(reply), files.url, machine.boot_class);
}

Answer Question::answer_program(const Machine& machine, const std::string& file) const {
    auto reply = begin("PXEClient");
    reply.server_name = arrival_.local.to_string();
    set_boot_file(reply, file);
    if (!is_uefi(machine.architecture))
        reply.options.push_back({Code::vendor_specific, just_boot_option()});
    return finish(std::move(reply), file, machine.boot_class);
}

// Nothing if there is no menu for this machine.
std::optional<Answer> Question::answer_menu(const Machine& machine) const {
    std::vector<PxeMenuEntry> entries;
    std::string first_file;
    for (std::size_t i = 0; i < settings_.menu.size(); ++i) {
        const auto& entry = settings_.menu[i];
        if (!is_for(entry, machine.architecture))
            continue;
        entries.push_back({type_of(settings_.menu, i), entry.text});
        if (first_file.empty())
            first_file = entry.file;
    }
    if (entries.empty() || (entries.size() == 1 && entries[0].type == local_boot))
        return std::nullopt;
    const bool uefi = is_uefi(machine.architecture);
    // UEFI firmware gets along with one choice better without a menu.
    if (uefi && entries.size() == 1) {
        if (machine.boot_class == BootClass::ipxe && is_ipxe_program(first_file))
            return refuse_ipxe(first_file);
        return answer_program(machine, first_file);
    }

    auto reply = begin("PXEClient");
    if (!uefi || on_boot_server_port()) {
        PxePrompt prompt;
        prompt.timeout = entries.size() > 1 ? 255 : 0;
        const auto menu = menu_option(entries, settings_.prompt.value_or(prompt), arrival_.local);
        if (!menu)
            return Ignored{Silence::no_boot_program,
                           "the menu is longer than the 255 bytes that PXE has for it; shorten "
                           "the texts of --pxe-menu"};
        reply.options.push_back({Code::vendor_specific, *menu});
    }
    return finish(std::move(reply), "menu", machine.boot_class);
}

Message Question::begin(std::string_view vendor_class) const {
    Message reply;
    reply.operation = Operation::reply;
    reply.transaction = message_.transaction;
    reply.seconds = message_.seconds;
    reply.flags = message_.flags;
    reply.client = message_.client;
    reply.server = arrival_.local;
    reply.relay = message_.relay;
    reply.hardware = message_.hardware;
    if (!on_boot_server_port() || message_.type() == MessageType::discover)
        reply.client = Ipv4{};

    const auto type =
        message_.type() == MessageType::discover ? MessageType::offer : MessageType::ack;
    reply.options.push_back({Code::message_type, {static_cast<std::uint8_t>(type)}});
    reply.options.push_back({Code::server_identifier, value_of(arrival_.local)});
    reply.options.push_back({Code::vendor_class, value_of(vendor_class)});
    if (const auto identifier = message_.find(Code::machine_identifier))
        reply.options.push_back(
            {Code::machine_identifier, {identifier->begin(), identifier->end()}});
    return reply;
}

Reply Question::finish(Message message, std::string what,
                       std::optional<BootClass> boot_class) const {
    // RFC 3046 §2.2: echoed as it is, behind everything else.
    if (const auto relay = message_.find(Code::relay_agent))
        message.options.push_back({Code::relay_agent, {relay->begin(), relay->end()}});

    Reply reply;
    reply.what = std::move(what);
    if (boot_class)
        reply.delay = settings_.delays[static_cast<std::size_t>(*boot_class)];
    if (on_boot_server_port()) {
        reply.to = message_.client.is_zero() ? arrival_.source : message_.client;
        reply.to_port = arrival_.source_port;
        if (!message_.client.is_zero())
            message.flags &= static_cast<std::uint16_t>(~broadcast_flag);
    } else {
        // It has no address that could be sent to, so it is a broadcast whatever it asked for: ours
        // (RFC 2131 §4.1), or the relay agent's, which goes by the flag.
        message.flags |= broadcast_flag;
        reply.to = message_.relay.is_zero() ? broadcast_address : message_.relay;
        reply.to_port = message_.relay.is_zero() ? client_port : server_port;
    }
    reply.packet = write_message(message);
    return reply;
}

} // namespace bootview::dhcp
