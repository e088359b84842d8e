#include "tftp-bridge/clients/boot_lookups.h"

#include "tftp-bridge/clients/pi_pitfalls.h"

#include <memory>
#include <utility>

namespace bootview::clients {
namespace {

BootQuestion in_own_directory(BootQuestion question, const std::set<std::string>& listed) {
    for (const auto& name : std::exchange(question.own_names, {}))
        if (listed.contains(name)) {
            question.directory += "/" + name;
            question.known.named = true;
            break;
        }
    return question;
}

} // namespace

void BootLookups::find(const BootQuestion& question, Then then) {
    narrow(question, [this, then = std::move(then)](const BootQuestion& narrowed) {
        share<BootQuestion, dhcp::BootFiles>(questions_, narrowed, look_up, then);
    });
}

void BootLookups::find_name(const NameQuestion& question,
                            std::function<void(const std::string&)> then) {
    share<NameQuestion, std::string>(names_, question, first_name, std::move(then));
}

template<typename Asked, typename Found>
void BootLookups::share(Waiting<Asked, Found>& waiting, const Asked& asked,
                        Found (*work)(const Asked&), std::function<void(const Found&)> then) {
    auto& waiters = waiting[asked];
    waiters.push_back(std::move(then));
    if (waiters.size() > 1)
        return;
    auto found = std::make_shared<Found>();
    workers_.submit([asked, work, found] { *found = work(asked); },
                    [&waiting, asked, found] {
                        const auto done = waiting.extract(asked);
                        for (const auto& waiter : done.mapped())
                            waiter(*found);
                    });
}

// To the machine's own directory, if it has one.
void BootLookups::narrow(const BootQuestion& question,
                         std::function<void(const BootQuestion&)> then) {
    if (question.own_names.empty())
        return then(question);
    share<std::string, Directories>(listings_, question.directory, own_directories,
                                    [question, then = std::move(then)](const Directories& listed) {
                                        then(listed ? in_own_directory(question, *listed)
                                                    : question);
                                    });
}

void BootLookups::find_eeprom_update(const BootQuestion& question,
                                     std::function<void(const std::string&)> then) {
    narrow(question, [this, then = std::move(then)](const BootQuestion& narrowed) {
        share<std::string, std::string>(
            updates_, narrowed.directory, clients::find_eeprom_update,
            [directory = narrowed.directory, then](const std::string& found) {
                if (!found.empty())
                    then(directory + "/" + found);
            });
    });
}

} // namespace bootview::clients
