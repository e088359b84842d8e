#include "tftp-bridge/clients/boot_lookups.h"

#include <memory>
#include <utility>

namespace bootview::clients {

void BootLookups::find(const BootQuestion& question, Then then) {
    if (question.own_names.empty())
        return look(question, std::move(then));
    list(question.directory, [this, question, then = std::move(then)](const Directories& listed) {
        auto narrowed = question;
        if (listed) {
            for (const auto& name : std::exchange(narrowed.own_names, {}))
                if (listed->contains(name)) {
                    narrowed.directory += "/" + name;
                    break;
                }
        }
        look(narrowed, then);
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

} // namespace bootview::clients
