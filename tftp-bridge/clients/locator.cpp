#include "tftp-bridge/clients/locator.h"

#include "common/board_name.h"
#include "tftp-bridge/tftp/file_name.h"

#include <algorithm>
#include <filesystem>

namespace bootview::clients {
namespace {

using namespace std::chrono_literals;

constexpr auto keep_answer = 30s; // of the neighbour table
constexpr auto keep_miss = 1s;
constexpr auto keep_directory = 1s;
constexpr std::size_t most_answers = 4096;

// The firmware that a Pi without an EEPROM asks for first, without a prefix, from wherever it is.
bool is_first_stage(std::string_view name) {
    return name == "bootcode.bin" || name == "bootsig.bin";
}

// What a Pi's firmware looks for behind its prefix before anything else: boot-net and config.txt
// in the Raspberry Pi documentation. A directory that others load from may be named by 8 digits,
// "20240101", but hardly holds one of these.
bool is_first_of_a_pi(std::string_view name) {
    return name == "config.txt" || name == "autoboot.txt" ||
           (name.starts_with("start") && name.ends_with(".elf"));
}

// "9ffefdef/start4.elf": the first part, and what follows the slash. Without a slash no first part.
std::pair<std::string_view, std::string_view> split(std::string_view name) {
    const auto slash = name.find('/');
    if (slash == std::string_view::npos)
        return {"", name};
    return {name.substr(0, slash), name.substr(slash + 1)};
}

bool means_one_of(std::string_view first, const std::vector<std::string>& names) {
    const auto board = BoardName::from_short_text(first);
    return board && std::any_of(names.begin(), names.end(), [&](const std::string& name) {
               return BoardName::from_short_text(name) == board;
           });
}

// As a Pi would write them in front of its names.
std::vector<std::string> own_names(const std::optional<std::string>& serial,
                                   const std::optional<dhcp::Mac>& mac) {
    std::vector<std::string> names;
    if (serial)
        names.push_back(*serial);
    if (mac) {
        names.push_back(mac->to_string('-'));
        names.push_back(mac->to_string(':'));
    }
    return names;
}

bool is_prefix_of(std::string_view first, const ClientRecord& record) {
    if (first.empty())
        return false;
    return first == record.prefix || means_one_of(first, own_names(record.serial, record.mac));
}

dhcp::Ipv4 ipv4_of(const tftp::Endpoint& endpoint) {
    return {static_cast<std::uint32_t>(endpoint.address[0]) << 24 |
            static_cast<std::uint32_t>(endpoint.address[1]) << 16 |
            static_cast<std::uint32_t>(endpoint.address[2]) << 8 | endpoint.address[3]};
}

std::string absolute(const std::string& directory) {
    auto path = std::filesystem::absolute(directory).lexically_normal().string();
    if (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    return path;
}

// Its own, that of the architecture whose programs it runs, or of another that runs the same: x64
// firmware calls itself 7 or 9, and what is said for one is meant for the other.
template<typename Map>
std::string find_or_empty(const Map& map, dhcp::Architecture architecture) {
    const auto program = dhcp::program_architecture(architecture);
    auto found = map.find(architecture);
    if (found == map.end())
        found = map.find(program);
    if (found == map.end())
        found = std::find_if(map.begin(), map.end(), [&](const auto& entry) {
            return dhcp::program_architecture(entry.first) == program;
        });
    return found == map.end() ? std::string() : found->second;
}

} // namespace

Locator::Locator(std::string root, BootDefaults defaults, FindMac find_mac, bool fold_case)
    : root_(absolute(root)), defaults_(std::move(defaults)), find_mac_(std::move(find_mac)),
      fold_case_(fold_case) {}

std::variant<Place, NameQuestion> Locator::place_for(const tftp::Endpoint& peer,
                                                     const std::string& asked, TimePoint now) {
    const auto identity = identify(peer, now);
    const auto* record = find_record(records_, identity);
    const auto name = without_roots(asked, record);
    const auto [first, rest] = split(name);
    if (record && !record->root.empty()) {
        auto directory = root_of(*record);
        // Its own prefix stands for its own root. If it is not known to be its own, it still looks
        // like one, unless there is such a directory.
        bool prefixed = is_prefix_of(first, *record) ||
                        means_one_of(first, own_names(identity.serial, identity.mac));
        if (!prefixed && looks_like_prefix(first)) {
            NameQuestion question{directory, {std::string(first)}};
            const auto found = recent_answer(question, now);
            if (!found)
                return question;
            prefixed = found->empty();
        }
        return Place{std::move(directory), std::string(prefixed ? rest : name), record->name};
    }
    const std::string client = record ? record->name : "";
    if (const auto* by_prefix = record_by_prefix(first, true))
        return Place{root_of(*by_prefix), std::string(rest), by_prefix->name};
    const Place in_root{root_, name, client};
    if (!identity.mac)
        return in_root;
    NameQuestion own_question{root_, own_names(identity.serial, identity.mac)};
    const auto own = recent_answer(own_question, now);
    if (!own)
        return own_question;
    if (own->empty())
        return in_root;
    if (means_one_of(first, own_question.names))
        return Place{root_ + "/" + *own, std::string(rest), client};
    if (is_first_stage(name)) {
        NameQuestion question{root_, {*own + "/" + name}, false};
        const auto found = recent_answer(question, now);
        if (!found)
            return question;
        if (found->empty())
            return in_root;
    }
    return Place{root_ + "/" + *own, name, client};
}

void Locator::learn(const NameQuestion& question, std::string answer, TimePoint now) {
    if (answers_.size() >= most_answers)
        answers_.clear();
    answers_[question] = {std::move(answer), now + keep_directory};
}

BootQuestion Locator::question_about(const dhcp::Machine& machine, TimePoint now) const {
    auto identity = known_.identity_of(machine.mac);
    identity.architecture = machine.architecture;
    if (machine.serial)
        identity.serial = machine.serial;
    if (machine.uuid)
        identity.uuid = machine.uuid;

    const auto* record = find_record(records_, identity);
    BootQuestion question{root_,
                          {},
                          machine.architecture,
                          machine.boot_class,
                          fold_case_,
                          known_.loaded_before(machine, now),
                          {}};
    if (record && !record->root.empty())
        question.directory = root_of(*record);
    else
        question.own_names = own_names(identity.serial, identity.mac);

    auto& files = question.known;
    files.named = record != nullptr;
    files.program = record && !record->boot_file.empty()
                        ? record->boot_file
                        : find_or_empty(defaults_.boot_file, machine.architecture);
    files.ipxe_script =
        record && !record->ipxe_script.empty() ? record->ipxe_script : defaults_.ipxe_script;
    files.url = record && !record->http_boot.empty()
                    ? record->http_boot
                    : find_or_empty(defaults_.http_boot, machine.architecture);
    return question;
}

bool Locator::is_pi(const tftp::Endpoint& peer, std::string_view name, TimePoint now) {
    return looks_like_prefix(split(name).first) || identify(peer, now).serial.has_value();
}

std::string Locator::describe(const dhcp::Mac& mac) const {
    const auto* record = find_record(records_, known_.identity_of(mac));
    if (!record || record->name == mac.to_string())
        return mac.to_string();
    return record->name + " (" + mac.to_string() + ")";
}

std::string Locator::name_of(const Identity& identity) const {
    const auto* record = find_record(records_, identity);
    return record ? record->name : std::string{};
}

// The neighbour table first: what it says was true a moment ago.
Identity Locator::identify(const tftp::Endpoint& peer, TimePoint now) {
    const bool v4 = peer.family == AF_INET;
    auto mac = ask_neighbours(peer, now);
    if (!mac && v4)
        mac = known_.owner_of(ipv4_of(peer));
    auto identity = mac ? known_.identity_of(*mac) : Identity{};
    identity.address.reset();
    if (v4)
        identity.address = ipv4_of(peer);
    return identity;
}

Identity Locator::identify(const tftp::Endpoint& peer, std::string_view file, TimePoint now) {
    auto identity = identify(peer, now);
    const auto [first, rest] = split(file);
    if (!is_first_of_a_pi(rest))
        return identity;
    if (!identity.mac)
        identity.mac = dhcp::Mac::from_text(first);
    if (!identity.serial && !dhcp::Mac::from_text(first) && looks_like_prefix(first))
        identity.serial = serial_from_text(first);
    return identity;
}

std::string Locator::name_of(const Identity& identity, std::string_view file) const {
    if (auto name = name_of(identity); !name.empty())
        return name;
    const auto* record = record_by_prefix(split(file).first, false);
    return record ? record->name : std::string{};
}

std::optional<dhcp::Mac> Locator::ask_neighbours(const tftp::Endpoint& peer, TimePoint now) {
    auto address = peer;
    address.port = 0;
    const auto known = asked_.find(address);
    if (known != asked_.end() && now < known->second.until)
        return known->second.mac;
    if (asked_.size() >= most_answers)
        asked_.clear();
    const auto mac = find_mac_(address);
    asked_[address] = {mac, now + (mac ? keep_answer : keep_miss)};
    return mac;
}

// The first with this prefix, or the first of those that have a root of their own.
const ClientRecord* Locator::record_by_prefix(std::string_view first, bool with_root) const {
    const auto found =
        std::find_if(records_.begin(), records_.end(), [&](const ClientRecord& record) {
            return (!with_root || !record.root.empty()) && is_prefix_of(first, record);
        });
    return found == records_.end() ? nullptr : &*found;
}

// Its own root's path, or the path of the root of all.
std::string Locator::without_roots(const std::string& name, const ClientRecord* record) const {
    if (record && !record->root.empty())
        if (auto below = tftp::without_own_path(name, root_of(*record)); below != name)
            return below;
    return tftp::without_own_path(name, root_);
}

std::string Locator::root_of(const ClientRecord& record) const {
    return record.root.front() == '/' ? record.root : root_ + "/" + record.root;
}

std::optional<std::string> Locator::recent_answer(const NameQuestion& question,
                                                  TimePoint now) const {
    const auto known = answers_.find(question);
    if (known == answers_.end() || now >= known->second.until)
        return std::nullopt;
    return known->second.name;
}

} // namespace bootview::clients
