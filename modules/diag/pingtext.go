package diag

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// marksPerLine is as IOS has it.
const marksPerLine = 70

// Text is what IOS prints. What was shown while it ran is not shown again.
func (v *pingView) Text(w io.Writer, _ int) error {
	var b strings.Builder
	if !v.shown {
		b.WriteString(v.heading(false))
		for i := range v.Probes {
			b.WriteString(v.marks(i))
		}
		if v.Sent%marksPerLine != 0 {
			b.WriteByte('\n')
		}
	}
	fmt.Fprintf(&b, "Success rate is %d percent (%d/%d)", v.SuccessPercent, v.Received, v.Sent)
	if v.MinMS != nil {
		fmt.Fprintf(&b, ", round-trip min/avg/max = %d/%d/%d ms", whole(*v.MinMS), whole(*v.AvgMS), whole(*v.MaxMS))
	}
	b.WriteByte('\n')
	b.WriteString(v.notes())
	_, err := io.WriteString(w, b.String())
	return err
}

// whole rounds as IOS does: what took any time took a millisecond.
func whole(ms float64) int { return max(1, int(math.Round(ms))) }

func (v *pingView) heading(interactive bool) string {
	var b strings.Builder
	if interactive {
		b.WriteString("Type Ctrl-C to abort.\n")
	}
	fmt.Fprintf(&b, "Sending %d, %d-byte ICMP Echos to %s, timeout is %d seconds:\n", v.Repeat, v.SizeBytes, v.target, v.TimeoutSeconds)
	if v.chosen && v.Source != nil {
		fmt.Fprintf(&b, "Packet sent with a source address of %s\n", v.Source)
	}
	if v.DF {
		b.WriteString("Packet sent with the DF bit set\n")
	}
	return b.String()
}

// marks is the mark of one packet, with the end of the line if it is full.
func (v *pingView) marks(i int) string {
	if (i+1)%marksPerLine == 0 {
		return string(v.Probes[i].mark) + "\n"
	}
	return string(v.Probes[i].mark)
}

// notes explain the marks that are neither ! nor . : each once, with who says so.
func (v *pingView) notes() string {
	var b strings.Builder
	said := map[string]bool{}
	for _, p := range v.Probes {
		if p.Note == nil {
			continue
		}
		line := fmt.Sprintf("%c: %s", p.mark, *p.Note)
		if p.From != nil {
			line += fmt.Sprintf(", says %s", *p.From)
		}
		if !said[line] {
			said[line] = true
			b.WriteString(line + "\n")
		}
	}
	if v.Rejected > 0 {
		fmt.Fprintf(&b, "%d answers were not to what was sent, and do not count: somebody forges them, or changes them on the way.\n", v.Rejected)
	}
	return b.String()
}
