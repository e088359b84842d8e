#include "fuse-fatimg/fat/timestamp.h"

#include <algorithm>

namespace bootview::fat {

timespec decode_time(std::uint16_t date, std::uint16_t time, std::uint8_t tenths, ZoneOffset zone) {
    // Days since 1970-01-01 of a date in the proleptic Gregorian calendar, counted from 1 March, so
    // that the leap day is the last of its year.
    const int year = 1980 + (date >> 9);
    const int stated = date >> 5 & 0x0f;
    // Months beyond December are Januaries to Linux, a day later in leap years.
    const bool is_leap = year % 4 == 0 && year != 2100;
    const int month = stated > 12 ? 1 : std::max(stated, 1);
    const int day = std::max(date & 0x1f, 1) + (stated > 12 && is_leap ? 1 : 0);
    const int y = month <= 2 ? year - 1 : year;
    const int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const std::int64_t days =
        std::int64_t{365} * y + y / 4 - y / 100 + y / 400 + day_of_year - 719'468;

    const int hour = time >> 11;
    const int minute = time >> 5 & 0x3f;
    const int second = (time & 0x1f) * 2;
    timespec result{};
    result.tv_sec = days * 86'400 + hour * 3600 + minute * 60 + second + tenths / 100 - zone;
    result.tv_nsec = tenths % 100 * 10'000'000L;
    return result;
}

} // namespace bootview::fat
