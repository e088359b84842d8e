// How the lines of a log get to standard error: without ever waiting for whoever reads them.
//
// A pipe that nobody empties, a terminal stopped by Ctrl-S or a journal that hangs must not stop a
// boot server. A line that finds no room is dropped whole and counted, and the first one that finds
// room again is preceded by the number. A regular file is written as usual.
//
// Standard error itself is never set to O_NONBLOCK: that is a property of the open file, which the
// shell and other programs share. A pipe, FIFO or terminal is opened anew by /proc/self/fd/2; where
// that is forbidden (it belongs to another user), poll(2) says whether there is room.
//
// What comes from outside is made printable here (printable.h), so no logger has to think of it.
#pragma once

#include <string_view>

namespace bootview {

// One line, without its end; cut after 4000 bytes, so that it fits into a pipe at once (PIPE_BUF)
// and never mixes with others. Thread-safe.
void write_log_line(std::string_view line);

// Lets go of what standard error was, which whoever reads it waits for: for a program that goes
// into the background. A further line opens what it is then.
void release_log_output();

} // namespace bootview
