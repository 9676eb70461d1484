package logging

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"mbox/modules"
)

// Text follows IOS: where messages go, then those in memory, the newest last. With a filter only the messages are printed.
func (v logView) Text(w io.Writer, _ int) error {
	out := bufio.NewWriter(w)
	if !v.filtered {
		v.destinations(out)
	}
	for _, e := range v.Messages {
		out.Write(stamp(e, v.zone))
		out.WriteByte('\n')
	}
	if v.filtered && len(v.Messages) == 0 {
		fmt.Fprintln(out, "No message in memory is like that.")
	}
	return out.Flush()
}

func (v logView) destinations(out io.Writer) {
	fmt.Fprintf(out, "Console logging: level %s, %s logged\n", v.Console.Level, messages(v.Console.Logged))
	fmt.Fprintf(out, "Monitor logging: level %s, %s logged, %s\n", v.Monitor.Level, messages(v.Monitor.Logged), modules.Count(v.Monitor.Sessions, "terminal"))
	bound := fmt.Sprintf("%d bytes", v.Buffer.Bytes)
	if v.Buffer.Entries != nil {
		bound = messages(*v.Buffer.Entries)
	}
	fmt.Fprintf(out, "Buffer logging:  level %s, %s kept, %d gave way to newer ones\n", v.Buffer.Level, messages(v.Buffer.Kept), v.Buffer.Dropped)
	fmt.Fprintf(out, "    %d bytes of at most %s\n", v.Buffer.Used, bound)
	fmt.Fprintf(out, "Trap logging:    level %s, %s\n", v.Trap, modules.Count(len(v.Hosts), "log host"))
	for _, h := range v.Hosts {
		fmt.Fprintf(out, "    %s (%s port %d), level %s\n", h.Host, h.Transport, h.Port, h.Level)
		fmt.Fprintf(out, "        %s since %s\n", h.State, h.Since.In(v.zone).Format(time.DateTime+" MST"))
		fmt.Fprintf(out, "        %s sent, %d waiting, %d dropped\n", messages(h.Sent), h.Queued, h.Dropped)
		if h.Reason != "" {
			fmt.Fprintf(out, "        %s\n", h.Reason)
		}
	}
	fmt.Fprintf(out, "\nLog buffer, times in %s:\n\n", v.zone)
}

func messages[N int | uint64](n N) string { return modules.Count(int(n), "message") }
