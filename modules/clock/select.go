package clock

import (
	"cmp"
	"slices"
	"time"
)

// candidate is a server whose time may be believed.
type candidate struct {
	server   *server
	best     sample
	distance time.Duration
}

func (c candidate) low() time.Duration  { return c.best.offset - c.distance }
func (c candidate) high() time.Duration { return c.best.offset + c.distance }

// candidates are the servers with an answer that is fit to be used.
func candidates(servers []*server, now time.Time) []candidate {
	var out []candidate
	for _, s := range servers {
		best, ok := s.best(now)
		if !ok || s.stopped || s.reach == 0 {
			continue
		}
		d := s.distance(best, now)
		if d > maxDistance {
			s.state, s.reason = stateInvalid, "its time is too uncertain"
			continue
		}
		out = append(out, candidate{s, best, d})
	}
	return out
}

// agree finds the candidates that tell the truth: those whose intervals of offset ± distance hold a common point that more
// than half of all hold (intersection algorithm, RFC 5905 section 11.2.1). None if there is no majority: of two servers that
// contradict each other nobody knows which one is right.
func agree(all []candidate) []candidate {
	type edge struct {
		at   time.Duration
		kind int // -1 begin, 0 middle, +1 end of an interval
	}
	var edges []edge
	for _, c := range all {
		edges = append(edges, edge{c.low(), -1}, edge{c.best.offset, 0}, edge{c.high(), 1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.kind, b.kind)) })
	n := len(all)
	for liars := 0; 2*liars < n; liars++ {
		var low, high time.Duration
		outside, depth, below, above := 0, 0, false, false
		for _, e := range edges {
			if depth -= e.kind; depth >= n-liars {
				low, below = e.at, true
				break
			}
			if e.kind == 0 {
				outside++
			}
		}
		depth = 0
		for _, e := range slices.Backward(edges) {
			if depth += e.kind; depth >= n-liars {
				high, above = e.at, true
				break
			}
			if e.kind == 0 {
				outside++
			}
		}
		if below && above && outside <= liars && low <= high {
			return slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return c.high() < low || c.low() > high })
		}
	}
	return nil
}

// leader is the server that the clock follows: the preferred one, or the nearest to a reference clock.
func leader(agreed []candidate) candidate {
	return slices.MinFunc(agreed, func(a, b candidate) int {
		return cmp.Or(prefer(b)-prefer(a), cmp.Compare(merit(a), merit(b)))
	})
}

func prefer(c candidate) int {
	if c.server.config.Prefer {
		return 1
	}
	return 0
}

// merit: less is better; RFC 5905 section 11.2.2.
func merit(c candidate) time.Duration {
	return time.Duration(c.best.stratum)*maxDistance + c.distance
}

// combine is the offset by which to move the clock: that of the preferred server, or the mean of all that agree, the certain
// ones counting for more (RFC 5905 section 11.2.3).
func combine(agreed []candidate, lead candidate) time.Duration {
	if lead.server.config.Prefer {
		return lead.best.offset
	}
	sum, weight := 0.0, 0.0
	for _, c := range agreed {
		w := 1 / c.distance.Seconds()
		sum, weight = sum+w*c.best.offset.Seconds(), weight+w
	}
	return time.Duration(sum / weight * float64(time.Second))
}
