package diag

import "fmt"

// meaning is what an ICMP error says, for ping, traceroute and people.
type meaning struct {
	result string // for programs
	mark   byte   // of ping
	sign   string // of traceroute
	text   string
	final  bool // the host itself was reached
}

// Results of a probe.
const (
	resultReply       = "reply"
	resultTimeout     = "timeout"
	resultUnreachable = "unreachable"
	resultTooBig      = "too-big"
	resultTTL         = "ttl-exceeded"
	resultOther       = "other"
)

// Types of ICMP errors: RFC 792 and RFC 4443.
const (
	unreachable4  = 3
	timeExceeded4 = 11
	parameter4    = 12
	unreachable6  = 1
	tooBig6       = 2
	timeExceeded6 = 3
	parameter6    = 4
	otherNote     = 255 // not a type: the machine could not send
)

func unreachable(sign, text string) meaning {
	return meaning{result: resultUnreachable, mark: 'U', sign: sign, text: text}
}

var (
	tooBig = meaning{result: resultTooBig, mark: 'M', sign: "!F", text: "packet too big"}
	late   = meaning{result: resultTTL, mark: '&', text: "time to live exceeded"}
	port   = meaning{result: resultUnreachable, mark: 'U', text: "port unreachable", final: true}
)

// codes4 are those of destination unreachable in IPv4: RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1.
var codes4 = map[uint8]meaning{
	0: unreachable("!N", "network unreachable"), 1: unreachable("!H", "host unreachable"), 2: unreachable("!P", "protocol unreachable"),
	3: port, 4: tooBig, 5: unreachable("!S", "source route failed"), 6: unreachable("!N", "network unknown"),
	7: unreachable("!H", "host unknown"), 9: unreachable("!X", "administratively prohibited"),
	10: unreachable("!X", "administratively prohibited"), 13: unreachable("!X", "administratively prohibited"),
}

// codes6 are those of destination unreachable in IPv6: RFC 4443 section 3.1.
var codes6 = map[uint8]meaning{
	0: unreachable("!N", "no route"), 1: unreachable("!X", "administratively prohibited"), 2: unreachable("!S", "beyond the scope of the source"),
	3: unreachable("!H", "address unreachable"), 4: port, 5: unreachable("!X", "source address refused by policy"),
	6: unreachable("!X", "route rejects it"),
}

// meaning is the zero meaning for nil.
func (n *icmpNote) meaning() meaning {
	switch {
	case n == nil:
		return meaning{}
	case n.local && n.typ == otherNote:
		return meaning{result: resultOther, mark: '?', sign: "!?", text: "this box could not send it"}
	case n.local && n.typ == unreachable4:
		return unreachable("!N", "no route from this box")
	case n.local:
		return n.big()
	case !n.v6 && n.typ == timeExceeded4 || n.v6 && n.typ == timeExceeded6:
		return late
	case n.v6 && n.typ == tooBig6:
		return n.big()
	case !n.v6 && n.typ == unreachable4:
		return n.of(codes4)
	case n.v6 && n.typ == unreachable6:
		return n.of(codes6)
	case !n.v6 && n.typ == parameter4, n.v6 && n.typ == parameter6:
		return meaning{result: resultOther, mark: '?', sign: "!?", text: "parameter problem"}
	}
	return meaning{result: resultOther, mark: '?', sign: "!?", text: fmt.Sprintf("ICMP type %d code %d", n.typ, n.code)}
}

func (n *icmpNote) of(codes map[uint8]meaning) meaning {
	m, known := codes[n.code]
	switch {
	case !known:
		return unreachable(fmt.Sprintf("!<%d>", n.code), fmt.Sprintf("unreachable, code %d", n.code))
	case m.result == resultTooBig:
		return n.big()
	}
	return m
}

func (n *icmpNote) big() meaning {
	m := tooBig
	if n.mtu > 0 {
		m.text = fmt.Sprintf("packet too big, at most %d bytes pass", n.mtu)
	}
	return m
}
