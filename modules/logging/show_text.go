package logging

import (
	"bufio"
	"fmt"
	"io"
	"time"
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
	fmt.Fprintf(out, "Console logging: level %s, %d messages logged\n", v.Console.Level, v.Console.Logged)
	fmt.Fprintf(out, "Monitor logging: level %s, %d messages logged, %d terminals\n", v.Monitor.Level, v.Monitor.Logged, v.Monitor.Sessions)
	bound := fmt.Sprintf("%d bytes", v.Buffer.Bytes)
	if v.Buffer.Entries != nil {
		bound = fmt.Sprintf("%d messages", *v.Buffer.Entries)
	}
	fmt.Fprintf(out, "Buffer logging:  level %s, %d messages kept (%d bytes of at most %s), %d gave way to newer ones\n",
		v.Buffer.Level, v.Buffer.Kept, v.Buffer.Used, bound, v.Buffer.Dropped)
	fmt.Fprintf(out, "Trap logging:    level %s, %d log hosts\n", v.Trap, len(v.Hosts))
	for _, h := range v.Hosts {
		fmt.Fprintf(out, "    %s (%s port %d), level %s: %s since %s\n", h.Host, h.Transport, h.Port, h.Level, h.State,
			h.Since.In(v.zone).Format(time.DateTime))
		fmt.Fprintf(out, "        %d messages sent, %d wait, %d dropped\n", h.Sent, h.Queued, h.Dropped)
		if h.Reason != "" {
			fmt.Fprintf(out, "        %s\n", h.Reason)
		}
	}
	fmt.Fprintf(out, "\nLog buffer, times in %s:\n\n", v.zone)
}
