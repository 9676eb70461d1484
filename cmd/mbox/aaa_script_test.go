package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
)

// radclient runs FreeRADIUS' client with one packet; what it prints is stdout. It fails unless the answer is an Access-Accept
// or an acknowledgement.
func radclient(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: radclient auth|acct|status|... ADDRESS SECRET [ATTRIBUTE=VALUE]...")
	}
	file := ts.MkAbs("radclient.packet")
	ts.Check(os.WriteFile(file, []byte(packetText(ts, args[0], args[3:])), 0o600))
	err := ts.Exec("radclient", "-x", "-t", "5", "-r", "3", "-f", file, args[1], args[0], args[2])
	if (err == nil) == neg {
		ts.Fatalf("radclient %s: %v\n%s", strings.Join(args, " "), err, ts.ReadFile("stdout"))
	}
}

// packetText is a packet as radclient reads it. Accounting has an authenticator of its own.
func packetText(ts *testscript.TestScript, kind string, attributes []string) string {
	var text strings.Builder
	for _, a := range attributes {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			ts.Fatalf("%s: expected ATTRIBUTE=VALUE", a)
		}
		if !strings.HasPrefix(value, "0x") {
			value = fmt.Sprintf("%q", value)
		}
		fmt.Fprintf(&text, "%s = %s\n", name, value)
	}
	if kind != "acct" {
		text.WriteString("Message-Authenticator = 0x00\n") // radclient computes it
	}
	return text.String()
}

// packetCommand writes a packet to a file, for a radclient in the background.
func packetCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: packet FILE ATTRIBUTE=VALUE...")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(packetText(ts, "auth", args[1:])), 0o600))
}

// nasCommand is an access point that does what it is told: it obeys each Disconnect-Request and CoA-Request that has the
// right secret (RFC 5176), and writes it to NAME.log.
func nasCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: nas NAME PORT SECRET")
	}
	conn, err := net.ListenPacket("udp", net.JoinHostPort("127.0.0.1", args[1]))
	ts.Check(err)
	log, err := os.Create(ts.MkAbs(args[0] + ".log"))
	ts.Check(err)
	var mu sync.Mutex // guards log
	server := &radius.PacketServer{
		SecretSource: radius.StaticSecretSource([]byte(args[2])),
		Handler: radius.HandlerFunc(func(w radius.ResponseWriter, r *radius.Request) {
			answer := map[radius.Code]radius.Code{
				radius.CodeDisconnectRequest: radius.CodeDisconnectACK, radius.CodeCoARequest: radius.CodeCoAACK,
			}[r.Code]
			if answer == 0 {
				return
			}
			mu.Lock()
			_, _ = fmt.Fprintf(log, "%s user=%s session=%s mac=%s\n", r.Code, rfc2865.UserName_GetString(r.Packet),
				rfc2866.AcctSessionID_GetString(r.Packet), rfc2865.CallingStationID_GetString(r.Packet))
			mu.Unlock()
			_ = w.Write(r.Response(answer)) // whoever does not get it asks again
		}),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(conn) }()
	ts.Defer(func() {
		_ = server.Shutdown(context.Background())
		if err := <-served; err != nil && !errors.Is(err, radius.ErrServerShutdown) {
			ts.Logf("nas %s: %v", args[0], err)
		}
		_ = log.Close()
	})
}

// capture puts what a parenthesis of a regular expression found in the last stdout into a variable.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture VAR REGEXP")
	}
	expression, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	found := expression.FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) < 2 {
		ts.Fatalf("nothing matches %s in\n%s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], found[1])
}
