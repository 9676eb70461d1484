package sync

import (
	"fmt"
	"io"
	"strings"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// Text prints the status: two lines a peer, then what is to be known or done.
func (s Status) Text(w io.Writer, width int) error {
	p := &page{w: w, width: width}
	p.line("Box %s (sha256:%s)", s.Hostname, s.boxText())
	p.line("State: %s", s.State)
	s.head(p)
	s.Acknowledge.print(p, s.Time)
	for _, peer := range s.Peers {
		p.line("")
		p.line("%s  %s  %s", peer.Name, peer.Role, orDash(peer.Address))
		p.line("  %s", peer.sentence(s.Time))
		s.notes(p, peer)
		if s.withDetail {
			s.detail(p, peer)
		}
	}
	for _, away := range s.Absent {
		away.print(p, s.Time)
	}
	s.tail(p)
	return p.err
}

// head is what is to be known of the box as a whole.
func (s Status) head(p *page) {
	switch {
	case s.ReadOnly != "":
		p.line("Sync is off: %s.", s.ReadOnly)
	case s.Paused != nil:
		p.line("Sync was paused %s: nothing flows from or to this box.", ago(s.Paused, s.Time))
		p.line("Type: mbox sync resume")
	case len(s.Peers) == 0 && s.State == stateOff:
		p.line("Sync is not configured. To be followed: mbox sync allow ADDRESS. To follow: mbox sync primary NAME username USER password PASSWORD")
	case len(s.Peers) == 0 && len(s.Absent) == 0:
		p.line("No follower is connected. On it, type: mbox sync primary NAME username USER password PASSWORD")
	}
	if !s.Ready && s.ReadOnly == "" {
		p.line("This box is not ready to serve: %s.", s.ReadyReason)
	}
	for line := range strings.Lines(s.Notice) {
		p.line("Notice: %s", strings.TrimSuffix(line, "\n"))
	}
	if s.Crowded {
		p.line("The disk is nearly full: nothing is taken from followers until space is freed.")
	}
	if s.DiskFull != nil {
		p.line("THE DISK IS FULL: changes of peers cannot be stored, last %s. Free some space; sync then goes on by itself.", ago(s.DiskFull, s.Time))
	}
}

// boxText is the whole key where it is needed: `mbox sync fingerprint` takes it from the detail.
func (s Status) boxText() string {
	const short = 16
	if s.withDetail {
		return s.Box
	}
	return s.Box[:min(short, len(s.Box))] + "..."
}

func (p PeerStatus) sentence(now time.Time) string {
	parts := []string{p.stateText(now)}
	if p.BehindChanges != nil {
		parts = append(parts, p.behindText()+" behind", "verified "+ago(p.VerifiedAt, now))
	}
	if p.BehindChanges != nil {
		parts = append(parts, "connected "+ago(&p.Since, now))
	} else {
		parts = append(parts, "for "+round(now.Sub(p.Since)))
	}
	return strings.Join(parts, ", ")
}

// stateText is the state with how far it is and, where nothing flows, since when.
func (p PeerStatus) stateText(now time.Time) string {
	text := p.State
	switch {
	case p.Percent != nil:
		text += fmt.Sprintf(" %d%%", *p.Percent)
	case p.StateSince != nil && (p.State == stateStale || p.State == stateDiverged || p.State == stateSkewed):
		text += " for " + round(now.Sub(*p.StateSince))
	}
	var pace []string
	if p.EtaSeconds != nil {
		pace = append(pace, round(seconds(*p.EtaSeconds))+" left")
	}
	if p.State == stateCatchingUp && p.Rates != nil {
		if speed := p.Rates.ReceivedChanges + p.Rates.SentChanges; speed >= 1 {
			pace = append(pace, fmt.Sprintf("%.0f changes/s", speed))
		}
	}
	if len(pace) > 0 {
		text += " (" + strings.Join(pace, ", ") + ")"
	}
	return text
}

func (s Status) notes(w *page, p PeerStatus) {
	if p.Reason != nil {
		w.line("  %s", sentence(*p.Reason))
	}
	if p.Advice != nil {
		w.line("  %s", *p.Advice)
	}
	if p.Rehomed > 0 {
		w.line("  It has forgotten %d records that it had sent (restored from a backup?). They are kept here, and go back to it where `send` here and `accept` there name their dataset, or at once: on it, type mbox sync recover from %s",
			p.Rehomed, s.Hostname)
	}
	switch {
	case p.LocalChanges > 0 && p.Role == roleUpstream:
		w.line("  %d records here are not the same there: they were changed here, or came from another box. What was changed here goes there where `send` here and `accept` there name its dataset.", p.LocalChanges)
	case p.LocalChanges > 0:
		w.line("  %d records there are not the same here: they were changed there, or came from another box. To take what was changed there, name its dataset behind `accept` here and `send` there.", p.LocalChanges)
	}
}

// sentence ends a text with a full stop, if nothing else ends it.
func sentence(text string) string {
	if strings.HasSuffix(text, "?") || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// narrow is the width below which a table gives way to lines.
const narrow = 64

func (s Status) detail(w *page, p PeerStatus) {
	if p.Box != nil {
		w.line("  box sha256:%s", *p.Box)
		received, sent := "", ""
		if r := p.Rates; r != nil {
			received, sent = pace(r.ReceivedChanges, r.ReceivedBytes), pace(r.SentChanges, r.SentBytes)
		}
		w.line("  received %s%s", bytesText(p.ReceivedBytes), received)
		w.line("  sent     %s%s", bytesText(p.SentBytes), sent)
	}
	if c := p.ClockSeconds; c != nil && (*c >= 1 || *c <= -1) {
		w.line("  its clock is %s %s", round(seconds(max(*c, -*c))), map[bool]string{true: "ahead of ours", false: "behind ours"}[*c > 0])
	}
	if len(p.Datasets) == 0 {
		return
	}
	table := w.width == 0 || w.width >= narrow
	if table {
		w.line("  %-9s %-9s %9s %9s  %-14s %s", "DATASET", "DIRECTION", "BEHIND", "", "VERIFIED", "DIFFERENT")
	}
	for _, d := range p.Datasets {
		proof := "stored only" // upwards there is nothing to compare sums with
		if d.provable {
			proof = ago(d.VerifiedAt, s.Time)
		}
		late := ""
		if d.BehindSeconds >= 1 {
			late = round(seconds(d.BehindSeconds))
		}
		if table {
			w.line("  %-9s %-9s %9d %9s  %-14s %d", d.Dataset, d.Direction, d.BehindChanges, late, proof, d.LocalChanges+d.Unexplained)
			continue
		}
		w.line("  %s %s: %s, verified: %s", d.Dataset, d.Direction, strings.TrimSpace(fmt.Sprintf("%d %s", d.BehindChanges, late)), proof)
		if n := d.LocalChanges + d.Unexplained; n > 0 {
			w.line("    %d different", n)
		}
	}
}

// pace is what has flown over the last seconds.
func pace(changes, bytes float64) string {
	return fmt.Sprintf(", now %.0f changes/s, %s/s", changes, bytesText(int64(bytes)))
}

func (s Status) tail(w *page) {
	if len(s.Refused)+s.SetAside+s.Conflicts > 0 {
		w.line("")
	}
	for _, r := range s.Refused {
		w.line("%s was refused %s: %s", r.Address, ago(&r.Time, s.Time), r.Reason)
	}
	if s.SetAside > 0 {
		w.line("%s set aside until this box's clock reaches the stamp.", modules.Count(int(s.SetAside), "change"))
	}
	if s.Conflicts > 0 {
		w.line("%s listed: show mbox sync conflicts", modules.Count(int(s.Conflicts), "conflict"))
	}
	if !s.withDetail || s.ReadOnly != "" {
		return
	}
	w.line("")
	if s.Ready {
		w.line("Ready to serve: %s.", s.ReadyReason)
	}
	w.line("Digests (equal on two boxes that hold the same)")
	for _, ds := range hotspotdb.Datasets() {
		w.line("  %-9s %s", ds, s.Digests[ds])
	}
}

func (p PeerStatus) behindText() string {
	switch {
	case p.BehindChanges == nil:
		return "-"
	case *p.BehindChanges == 0:
		return "0 changes"
	}
	return fmt.Sprintf("%d changes and %s", *p.BehindChanges, round(seconds(*p.BehindSeconds)))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func orDash(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func ago(t *time.Time, now time.Time) string {
	if t == nil {
		return "never"
	}
	return round(now.Sub(*t)) + " ago"
}

func round(d time.Duration) string {
	switch {
	case d < time.Second:
		return "0s"
	case d < 24*time.Hour:
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

func bytesText(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
