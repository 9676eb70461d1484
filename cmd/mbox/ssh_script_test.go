package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// openSSHCommand prepares the client of OpenSSH for a script.
//
//	openssh known DIR PORT FILE            write what the box on DIR says of its host key, as known_hosts
//	openssh config FILE PORT KNOWN_HOSTS   write a configuration in which `box` is the box on 127.0.0.1
//	openssh pubkey ACCOUNT KEY.pub FILE    write the lines that give an account a key, for the console's input
//
// The client may ask: it has a terminal of its own in `tty run` only. No agent and no files of whoever runs the test are used.
func openSSHCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: openssh known DIR PORT FILE | openssh config FILE PORT KNOWN_HOSTS | openssh pubkey ACCOUNT KEY.pub FILE")
	}
	switch args[0] {
	case "known":
		cmd := program(ts, "shell", "--data", args[1], "-c", "show crypto key mypubkey")
		out, err := cmd.Output()
		ts.Check(err)
		key := ""
		for line := range strings.Lines(string(out)) {
			if strings.HasPrefix(line, "ssh-ed25519 ") {
				key = line
			}
		}
		if key == "" {
			ts.Fatalf("no host key in %s", out)
		}
		writeScriptFile(ts, args[3], fmt.Sprintf("[127.0.0.1]:%s %s", args[2], key))
	case "config":
		writeScriptFile(ts, args[1], strings.Join([]string{
			"Host box", "HostName 127.0.0.1", "Port " + args[2], "UserKnownHostsFile " + ts.MkAbs(args[3]), "GlobalKnownHostsFile none",
			"StrictHostKeyChecking yes", "IdentityAgent none", "IdentitiesOnly yes", "IdentityFile none", "LogLevel VERBOSE",
			"KbdInteractiveAuthentication no", "UpdateHostKeys no",
		}, "\n")+"\n")
	case "pubkey":
		writeScriptFile(ts, args[3], fmt.Sprintf("enable\nconfigure terminal\nip ssh pubkey-chain\nusername %s\n%send\n", args[1], ts.ReadFile(args[2])))
	default:
		ts.Fatalf("unknown: openssh %s", args[0])
	}
}

func writeScriptFile(ts *testscript.TestScript, name, text string) {
	ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
}

// condition knows [openssh]: whether the programs of OpenSSH's client are there.
func condition(name string) (bool, error) {
	switch name {
	case "icmp":
		return mayICMP(), nil
	case "ipv6":
		return hasIPv6(), nil
	}
	if name != "openssh" {
		return false, fmt.Errorf("unknown condition %s", name)
	}
	for _, name := range []string{"ssh", "sftp", "scp", "ssh-keygen"} {
		if _, err := exec.LookPath(name); err != nil {
			return false, nil
		}
	}
	return true, nil
}
