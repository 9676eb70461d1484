package diag

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// extended builds what the kernel puts behind an error: struct sock_extended_err and the address of who says so.
func extended(errno unix.Errno, origin, typ, code byte, info uint32, from netip.Addr) []byte {
	b := make([]byte, extLength)
	binary.NativeEndian.PutUint32(b, uint32(errno))
	b[extOrigin], b[extType], b[extCode] = origin, typ, code
	binary.NativeEndian.PutUint32(b[extInfo:], info)
	sa := make([]byte, 28)
	switch {
	case from.Is4():
		binary.NativeEndian.PutUint16(sa, unix.AF_INET)
		copy(sa[inet4Address:], from.AsSlice())
	case from.Is6():
		binary.NativeEndian.PutUint16(sa, unix.AF_INET6)
		copy(sa[inet6Address:], from.AsSlice())
	}
	return append(b, sa...)
}

func TestExtendedErrors(t *testing.T) {
	four, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct {
		data []byte
		want icmpNote
		ok   bool
	}{
		{extended(unix.EHOSTUNREACH, unix.SO_EE_ORIGIN_ICMP, 11, 0, 0, four), icmpNote{from: four, typ: 11}, true},
		{extended(unix.EHOSTUNREACH, unix.SO_EE_ORIGIN_ICMP6, 3, 0, 0, six), icmpNote{from: six, v6: true, typ: 3}, true},
		{extended(unix.EMSGSIZE, unix.SO_EE_ORIGIN_ICMP, 3, 4, 1400, four), icmpNote{from: four, typ: 3, code: 4, mtu: 1400}, true},
		{extended(unix.EMSGSIZE, unix.SO_EE_ORIGIN_LOCAL, 0, 0, 1500, netip.Addr{}), icmpNote{local: true, mtu: 1500}, true},
		{extended(unix.EHOSTUNREACH, unix.SO_EE_ORIGIN_LOCAL, 0, 0, 0, netip.Addr{}), icmpNote{local: true}, false},
		{extended(0, unix.SO_EE_ORIGIN_ICMP, 11, 0, 0, netip.Addr{}), icmpNote{typ: 11}, false},
		{extended(0, 77, 11, 0, 0, four), icmpNote{}, false},
		{nil, icmpNote{}, false},
	} {
		if got, ok := parseExtended(c.data); got != c.want || ok != c.ok {
			t.Errorf("%x: %+v %v, want %+v %v", c.data, got, ok, c.want, c.ok)
		}
	}
}

func reply(t testing.TB, e echo) []byte {
	t.Helper()
	raw, err := (&icmp.Message{Type: ipv4.ICMPTypeEchoReply, Body: &icmp.Echo{ID: e.id, Seq: e.seq, Data: e.data}}).Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// header4Bytes is an IPv4 header with options.
func header4Bytes() []byte { return append([]byte{0x46}, make([]byte, 23)...) }

// TestJudge: only what holds the whole probe, from the host itself, is its answer.
func TestJudge(t *testing.T) {
	to, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	data := randomPayload(64)
	changed := bytes.Clone(data)
	changed[40] ^= 1
	request := func(e echo) []byte {
		raw, err := e.request(false)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	good := echo{7, 3, data}
	unreachable := &icmpNote{from: other, typ: unreachable4}
	for name, c := range map[string]struct {
		a    arrival
		want verdict
	}{
		"the answer":              {arrival{from: to, packet: reply(t, good)}, ours},
		"from elsewhere":          {arrival{from: other, packet: reply(t, good)}, forged},
		"another payload":         {arrival{from: to, packet: reply(t, echo{7, 3, changed})}, forged},
		"a shorter payload":       {arrival{from: to, packet: reply(t, echo{7, 3, data[:63]})}, forged},
		"another id":              {arrival{from: to, packet: reply(t, echo{8, 3, data})}, foreign},
		"another sequence":        {arrival{from: to, packet: reply(t, echo{7, 2, data})}, foreign},
		"a request":               {arrival{from: to, packet: request(good)}, foreign},
		"nothing":                 {arrival{from: to}, foreign},
		"an error, all quoted":    {arrival{from: other, packet: request(good), report: unreachable}, ours},
		"an error, a part quoted": {arrival{from: other, packet: request(good)[:20], report: unreachable}, ours},
		"an error, 8 bytes":       {arrival{from: other, packet: request(good)[:8], report: unreachable}, ours},
		"an error of another id":  {arrival{from: other, packet: request(echo{8, 3, data}), report: unreachable}, foreign},
		"an error, changed":       {arrival{from: other, packet: request(echo{7, 3, changed}), report: unreachable}, forged},
		"an error about a reply":  {arrival{from: other, packet: reply(t, good), report: unreachable}, foreign},
		"an error, cut":           {arrival{from: other, packet: request(good)[:7], report: unreachable}, foreign},
		"about nothing":           {arrival{report: &icmpNote{}}, foreign},
		"this box":                {arrival{report: &icmpNote{local: true}}, ours},
	} {
		s := &socket{icmp: true, id: 7}
		if got := s.judge(c.a, to, 3, data); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	udp := &socket{}
	for name, c := range map[string]struct {
		a    arrival
		want verdict
	}{
		"somebody listens":    {arrival{from: to, packet: []byte("hello")}, ours},
		"another listens":     {arrival{from: other, packet: []byte("hello")}, forged},
		"nothing quoted":      {arrival{from: other, report: unreachable}, ours},
		"all quoted":          {arrival{from: other, packet: data, report: unreachable}, ours},
		"quoted, and more":    {arrival{from: other, packet: append(bytes.Clone(data), 1, 2, 3), report: unreachable}, ours},
		"something else":      {arrival{from: other, packet: changed, report: unreachable}, forged},
		"something else, cut": {arrival{from: other, packet: []byte{data[0] ^ 1}, report: unreachable}, forged},
	} {
		if got := udp.judge(c.a, to, 3, data); got != c.want {
			t.Errorf("UDP, %s: %v, want %v", name, got, c.want)
		}
	}
}

func TestPayloadsDiffer(t *testing.T) {
	a, b := randomPayload(cookie), randomPayload(cookie)
	if bytes.Equal(a, b) || len(randomPayload(4)) != 4 {
		t.Errorf("%x and %x", a, b)
	}
}

func TestMeanings(t *testing.T) {
	for _, c := range []struct {
		note         icmpNote
		result, sign string
		mark         byte
		final        bool
	}{
		{icmpNote{typ: 3, code: 0}, resultUnreachable, "!N", 'U', false},
		{icmpNote{typ: 3, code: 1}, resultUnreachable, "!H", 'U', false},
		{icmpNote{typ: 3, code: 2}, resultUnreachable, "!P", 'U', false},
		{icmpNote{typ: 3, code: 3}, resultUnreachable, "", 'U', true},
		{icmpNote{typ: 3, code: 4}, resultTooBig, "!F", 'M', false},
		{icmpNote{typ: 3, code: 13}, resultUnreachable, "!X", 'U', false},
		{icmpNote{typ: 3, code: 99}, resultUnreachable, "!<99>", 'U', false},
		{icmpNote{typ: 11}, resultTTL, "", '&', false},
		{icmpNote{typ: 12}, resultOther, "!?", '?', false},
		{icmpNote{v6: true, typ: 1, code: 1}, resultUnreachable, "!X", 'U', false},
		{icmpNote{v6: true, typ: 1, code: 3}, resultUnreachable, "!H", 'U', false},
		{icmpNote{v6: true, typ: 1, code: 4}, resultUnreachable, "", 'U', true},
		{icmpNote{v6: true, typ: 2}, resultTooBig, "!F", 'M', false},
		{icmpNote{v6: true, typ: 3}, resultTTL, "", '&', false},
		{icmpNote{local: true, typ: unreachable4}, resultUnreachable, "!N", 'U', false},
		{icmpNote{local: true, mtu: 1500}, resultTooBig, "!F", 'M', false},
		{icmpNote{local: true, typ: otherNote}, resultOther, "!?", '?', false},
	} {
		if m := c.note.meaning(); m.result != c.result || m.sign != c.sign || m.mark != c.mark || m.final != c.final {
			t.Errorf("%+v: %+v", c.note, m)
		}
	}
}

// FuzzReply: no packet makes a parser fail, and what is taken as an answer holds what was sent.
func FuzzReply(f *testing.F) {
	data := []byte("12345678abcdefgh")
	good := reply(f, echo{7, 3, data})
	f.Add(good, false, false)
	f.Add(append(header4Bytes(), good...), false, true)
	f.Add([]byte{0x4f, 0, 0}, false, true)
	f.Add(good, true, false)
	f.Add(extended(unix.EMSGSIZE, unix.SO_EE_ORIGIN_ICMP, 3, 4, 1400, netip.MustParseAddr("192.0.2.1")), false, false)
	to := netip.MustParseAddr("192.0.2.1")
	f.Fuzz(func(t *testing.T, packet []byte, v6, bare bool) {
		s := &socket{icmp: true, id: 7, v6: v6, bare: bare}
		if s.judge(arrival{from: to, packet: packet}, to, 3, data) == ours && !bytes.HasSuffix(packet, data) {
			t.Errorf("%x is an answer to what it does not hold", packet)
		}
		if e, ok := parseQuoted(packet, v6); ok && len(e.data) > len(packet)-echoHeader {
			t.Errorf("%d bytes out of %d", len(e.data), len(packet))
		}
		if note, ok := parseExtended(packet); ok && !note.from.IsValid() && !note.local {
			t.Errorf("nobody says %+v", note)
		}
		parseControl(packet)
		_ = (&icmpNote{typ: uint8(len(packet)), v6: v6}).meaning()
	})
}
