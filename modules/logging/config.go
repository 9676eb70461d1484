package logging

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"mbox/modules"
)

// MaxHosts bounds the log hosts.
const MaxHosts = 16

const (
	syntaxBuffered = "logging buffered [entries ENTRIES | BYTES] [LEVEL]"
	syntaxConsole  = "logging console {LEVEL | off}"
	syntaxMonitor  = "logging monitor LEVEL"
	syntaxTrap     = "logging trap LEVEL"
	syntaxFacility = "logging facility FACILITY"
	syntaxOrigin   = "logging origin-id {hostname | ip | string TEXT}"
	syntaxSource   = "logging source ADDR"
	syntaxHost     = "logging host HOST [transport {udp | tcp | tls}] [port PORT] [level LEVEL] [fingerprint FINGERPRINT]"
)

// What HOSTNAME of RFC 5424 holds.
const (
	originHostname = "hostname"
	originIP       = "ip"
	originString   = "string"
)

// settings is the applied configuration; it is never changed.
type settings struct {
	thresholds
	hosts      []hostConfig
	trap       int
	facility   int // of syslog
	origin     string
	originText string
}

func defaults() *settings {
	return &settings{
		thresholds: thresholds{console: defaultConsole, monitor: defaultMonitor, buffer: defaultBuffer, bytes: DefaultBuffer},
		trap:       defaultTrap, facility: local7, origin: originHostname,
	}
}

// read takes the settings out of a tree; the error names each line that it refuses.
func read(tree *modules.Tree) (*settings, error) {
	s := defaults()
	level := func(syntax string, to *int) {
		if n, ok := tree.One(syntax); ok {
			*to = off
			if n.Values.Has("LEVEL") {
				*to = modules.Get[int](n.Values, "LEVEL")
			}
		}
	}
	level(syntaxConsole, &s.console)
	level(syntaxMonitor, &s.monitor)
	level(syntaxTrap, &s.trap)
	s.readBuffer(tree)
	if n, ok := tree.One(syntaxFacility); ok {
		s.facility = facilityNumber(modules.Get[string](n.Values, "FACILITY"))
	}
	if n, ok := tree.One(syntaxOrigin); ok {
		for _, origin := range []string{originHostname, originIP, originString} {
			if n.Values.Has(origin) {
				s.origin = origin
			}
		}
		s.originText = modules.Get[string](n.Values, "TEXT")
	}
	return s, s.readHosts(tree)
}

func (s *settings) readBuffer(tree *modules.Tree) {
	n, ok := tree.One(syntaxBuffered)
	if !ok {
		return
	}
	if n.Values.Has("LEVEL") {
		s.buffer = modules.Get[int](n.Values, "LEVEL")
	}
	if n.Values.Has("BYTES") {
		s.bytes = modules.Get[int](n.Values, "BYTES")
	}
	if n.Values.Has("ENTRIES") {
		s.entries, s.bytes = modules.Get[int](n.Values, "ENTRIES"), maxBytes
	}
}

func (s *settings) readHosts(tree *modules.Tree) error {
	var source netip.Addr
	var refused []error
	if n, ok := tree.One(syntaxSource); ok {
		source = modules.Get[netip.Addr](n.Values, "ADDR")
		if source.IsUnspecified() || source.IsMulticast() {
			refused = append(refused, modules.Refuse(n, modules.Errorf("%s is not an address of this box", source)))
		}
	}
	for _, n := range tree.All(syntaxHost) {
		c, err := s.readHost(n.Values, source)
		if err == nil && len(s.hosts) == MaxHosts {
			err = modules.Errorf("more than %d log hosts", MaxHosts)
		}
		if err != nil {
			refused = append(refused, modules.Refuse(n, err))
			continue
		}
		s.hosts = append(s.hosts, c)
	}
	return errors.Join(refused...)
}

func (s *settings) readHost(v modules.Values, source netip.Addr) (hostConfig, error) {
	c := hostConfig{
		Name: modules.Get[string](v, "HOST"), Transport: transportUDP, Fingerprint: modules.Get[string](v, "FINGERPRINT"),
		Source: source, level: s.trap,
	}
	for transport := range defaultPorts {
		if v.Has(transport) {
			c.Transport = transport
		}
	}
	c.Port = defaultPorts[c.Transport]
	if v.Has("PORT") {
		c.Port = modules.Get[int](v, "PORT")
	}
	if v.Has("LEVEL") {
		c.level = modules.Get[int](v, "LEVEL")
	}
	if c.Fingerprint != "" && c.Transport != transportTLS {
		return c, &modules.Error{
			Message: "a fingerprint is for transport tls", Hint: fmt.Sprintf("Type: logging host %s transport tls fingerprint sha256:%s",
				c.Name, c.Fingerprint),
		}
	}
	return c, nil
}

// cleanHost accepts an address, or a name as RFC 1123 section 2.1 has them, with underscores tolerated.
func cleanHost(s string) (string, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		if addr.IsUnspecified() {
			return "", errors.New("expected the address or name of another host")
		}
		return addr.Unmap().String(), nil
	}
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	other := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.')
	}
	digits := !strings.ContainsFunc(name[strings.LastIndexByte(name, '.')+1:], func(r rune) bool { return r < '0' || r > '9' })
	if name == "" || len(name) > 253 || digits || strings.ContainsFunc(name, other) || strings.Contains(name, "..") || name[0] == '.' {
		return "", errors.New("expected an address such as 10.0.0.5, or a name such as log.example.com")
	}
	return name, nil
}

// fingerprintType is the SHA-256 of a certificate, as openssl x509 -fingerprint -sha256 prints it or in one piece.
type fingerprintType struct{}

func (fingerprintType) Parse(s string) (any, error) {
	text := strings.ToLower(s)
	for _, prefix := range []string{"sha256:", "sha-256:"} {
		text = strings.TrimPrefix(text, prefix)
	}
	text = strings.ReplaceAll(text, ":", "")
	if raw, err := hex.DecodeString(text); err != nil || len(raw) != 32 {
		return nil, errors.New("expected the SHA-256 of the certificate, 64 hexadecimal digits")
	}
	return text, nil
}
func (fingerprintType) Render(v any) string { return "sha256:" + v.(string) }
func (fingerprintType) Form() string        { return "sha256:HEX" }
func (fingerprintType) Help() string {
	return "SHA-256 of its certificate, as openssl x509 -fingerprint -sha256 prints it"
}
func (fingerprintType) Secret() bool { return false }
