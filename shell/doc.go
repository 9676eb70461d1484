// Package shell is the operator's line: it reads lines from a person or a program, parses them by the grammar of the
// modules, runs them, and prints what came of it the way operators of routers expect.
//
// A Session is one operator's conversation: mode, open contexts, privilege, history. It talks to an end, which is
// either a TTY (a person with a terminal: line editing, `?`, Tab, pager) or a script (lines in, text and a status out),
// and knows nothing of what carries it. The console is one carrier: a unix socket in the box's directory, served by
// Server and dialed by Main. Another carrier feeds a TTY from its own channel and calls
// Server.Interact; without a terminal it calls Server.Run for one line, or Server.RunAll for many.
//
// Server keeps a register of the sessions: their numbers, who clears one, and who is told what (Announce, Monitor).
package shell
