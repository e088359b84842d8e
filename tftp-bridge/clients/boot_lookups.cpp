#include "tftp-bridge/clients/boot_lookups.h"

#include "tftp-bridge/clients/pi_pitfalls.h"

#include <memory>
#include <utility>

namespace bootview::clients {

void BootLookups::find(const BootQuestion& question, Then then) {
    narrow(question,
           [this, then = std::move(then)](const BootQuestion& narrowed) { look(narrowed, then); });
}

// To the machine's own directory, if it has one.
void BootLookups::narrow(const BootQuestion& question,
                         std::function<void(const BootQuestion&)> then) {
    if (question.own_names.empty())
        return then(question);
    list(question.directory, [question, then = std::move(then)](const Directories& listed) {
        auto narrowed = question;
        if (listed) {
            for (const auto& name : std::exchange(narrowed.own_names, {}))
                if (listed->contains(name)) {
                    narrowed.directory += "/" + name;
                    break;
                }
        }
        then(narrowed);
    });
}

void BootLookups::list(const std::string& directory, std::function<void(const Directories&)> then) {
    auto& waiters = listings_[directory];
    waiters.push_back(std::move(then));
    if (waiters.size() > 1)
        return;
    auto result = std::make_shared<Directories>();
    workers_.submit([directory, result] { *result = own_directories(directory); },
                    [this, directory, result] {
                        const auto done = listings_.extract(directory);
                        for (const auto& waiter : done.mapped())
                            waiter(*result);
                    });
}

void BootLookups::look(const BootQuestion& question, Then then) {
    auto& waiters = questions_[question];
    waiters.push_back(std::move(then));
    if (waiters.size() > 1)
        return;
    auto result = std::make_shared<dhcp::BootFiles>();
    workers_.submit([question, result] { *result = look_up(question); },
                    [this, question, result] {
                        const auto done = questions_.extract(question);
                        for (const auto& waiter : done.mapped())
                            waiter(*result);
                    });
}

void BootLookups::find_eeprom_update(const BootQuestion& question,
                                     std::function<void(const std::string&)> then) {
    narrow(question, [this, then = std::move(then)](const BootQuestion& narrowed) {
        auto& waiters = updates_[narrowed.directory];
        waiters.push_back(then);
        if (waiters.size() > 1)
            return;
        auto found = std::make_shared<std::string>();
        const auto directory = narrowed.directory;
        workers_.submit([directory, found] { *found = clients::find_eeprom_update(directory); },
                        [this, directory, found] {
                            const auto done = updates_.extract(directory);
                            if (!found->empty())
                                for (const auto& waiter : done.mapped())
                                    waiter(directory + "/" + *found);
                        });
    });
}

} // namespace bootview::clients
