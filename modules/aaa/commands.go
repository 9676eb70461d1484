package aaa

import (
	"context"
	"fmt"

	"mbox/hotspotdb"
	"mbox/modules"
)

const (
	user     = 1
	operator = 15
)

// maxShown is how many entries of the radius log are shown unless asked for more.
const maxShown = 200

func (m *Module) commands() []modules.Command {
	host := modules.Word("Name or address of the server", checkHost)
	key := modules.Secret("The secret that is shared with it", checkKey)
	name := modules.Word("Username", nil)
	port := modules.Int(1, 65535, "UDP port")
	mac := modules.Word("Address of the guest's device, such as 3A-71-B4-E9-F7-99", checkMAC)
	nas := modules.Word("NAS-Identifier to send", nil)
	return append(m.sessionCommands(), []modules.Command{
		{
			Syntax: "show security radius-server", Help: "Ports, clients, realms, and what they asked", Words: showWords, Level: user,
			Support: "show security radius-server", Result: ServerView{}, Run: m.showServer,
		},
		{
			Syntax: "show security radius-log [username USER] [mac MAC] [client CLIENT] [result RESULT] [last N]",
			Help:   "Logins, accounting and dropped packets, the newest last; never passwords", Words: showWords, Level: operator,
			Args: map[string]modules.Type{
				"USER": name, "MAC": mac, "CLIENT": modules.Known(modules.Word("Name of the client, or an address", nil), m.clientNames),
				"RESULT": resultType(), "N": modules.Int(1, maxRecords, "Number of entries"),
			},
			Result: LogView{}, Run: m.showLog,
		},
		{Syntax: "clear security radius-log", Help: "Empty the radius log", Words: showWords, Level: operator, Run: m.clearLog},
		{Syntax: "clear security radius-server counters", Help: "Set what show security radius-server counts to 0; metrics too", Words: showWords, Level: operator, Run: m.clearCounters},
		{
			Syntax: "test authentication radius-server HOST radius-key KEY username USER password PASSWORD [method METHOD] [port PORT] [mac MAC] [nas-identifier NAS]",
			Help:   "Ask a RADIUS server, this one or another, whether a guest may log in", Words: testWords, Level: operator,
			Args: map[string]modules.Type{
				"HOST": host, "KEY": key, "USER": name, "PASSWORD": modules.Secret("Password of the guest", nil), "METHOD": methodType(), "PORT": port,
				"MAC": mac, "NAS": nas,
			},
			Result: TestView{}, Run: m.testAuthentication,
		},
		{
			Syntax: "test accounting radius-server HOST radius-key KEY username USER [status STATUS] [session SESSION] [time SECONDS] [upload UP] [download DOWN] [port PORT] [mac MAC] [nas-identifier NAS]",
			Help:   "Report a session to a RADIUS server, this one or another: it is recorded there", Words: testWords, Level: operator,
			Args: map[string]modules.Type{
				"HOST": host, "KEY": key, "USER": name, "STATUS": statusType(), "SESSION": modules.Word("Acct-Session-Id", nil),
				"SECONDS": modules.Int(0, 1<<31-1, "Length of the session, in seconds"), "UP": modules.Int(0, 1<<53, "Octets from the guest"),
				"DOWN": modules.Int(0, 1<<53, "Octets to the guest"), "PORT": port, "MAC": mac, "NAS": nas,
			},
			Result: TestView{}, Run: m.testAccounting,
		},
	}...)
}

var showWords = map[string]string{
	"show": "Show running system information", "clear": "Reset something", "security": "Who may use the network",
	"radius-server": "The RADIUS server of this box", "radius-log": "What RADIUS clients asked, and what they were told",
	"counters": "What was counted", "username": "Only of this guest", "mac": "Only of this device", "client": "Only of this client",
	"result": "Only with this result", "last": "Only the newest entries",
}

var testWords = map[string]string{
	"test": "Try something without changing anything", "authentication": "Log in at a RADIUS server", "accounting": "Report a session to a RADIUS server",
	"radius-server": "The server to ask", "radius-key": "The secret that is shared with it", "username": "Who wants in", "password": "The password of the guest",
	"method": "How the password is proved (default: pap)", "port": "UDP port (default: 1812 or 1813)", "mac": "Address of the guest's device",
	"nas-identifier": "Name that this box gives itself (default: mbox-test)", "status": "What is reported (default: start)",
	"session": "Its Acct-Session-Id (default: a random one)", "time": "How long it lasts so far, in seconds (default: 0)",
	"upload": "What the guest sent so far, in octets (default: 0)", "download": "What the guest received so far, in octets (default: 0)",
}

func checkMAC(s string) (string, error) {
	mac, err := hotspotdb.ParseMAC(s)
	if err != nil {
		return "", fmt.Errorf("expected an address such as 3A-71-B4-E9-F7-99")
	}
	return hotspotdb.FormatMAC(mac), nil
}

func resultType() modules.Type {
	return modules.Enum("Result",
		modules.Candidate{Text: resultAccept, Help: "Logins that were accepted"},
		modules.Candidate{Text: resultReject, Help: "Logins that were rejected"},
		modules.Candidate{Text: resultChallenge, Help: "Logins that another server wants to know more about"},
		modules.Candidate{Text: resultStart, Help: "Sessions that began"},
		modules.Candidate{Text: resultUpdate, Help: "Sessions that go on"},
		modules.Candidate{Text: resultStop, Help: "Sessions that ended"},
		modules.Candidate{Text: resultNAS, Help: "A NAS that began or ended its work"},
		modules.Candidate{Text: resultDone, Help: "Requests to a NAS that it followed"},
		modules.Candidate{Text: resultFailed, Help: "What could not be done"},
		modules.Candidate{Text: resultDrop, Help: "Packets without an answer"})
}

func (m *Module) clientNames(string) []modules.Candidate {
	var out []modules.Candidate
	for _, c := range m.clients.Load().list {
		out = append(out, modules.Candidate{Text: c.name, Help: "Client " + modules.Prefix("").Render(c.prefix)})
	}
	return out
}

// prefixes are the configured clients, as a line begins.
func (m *Module) prefixes(string) []modules.Candidate {
	var out []modules.Candidate
	for _, c := range m.clients.Load().list {
		out = append(out, modules.Candidate{Text: modules.Prefix("").Render(c.prefix), Help: "Client " + c.name})
	}
	return out
}

// realmNames are the configured realms.
func (m *Module) realmNames(string) []modules.Candidate {
	var out []modules.Candidate
	for _, s := range m.realms.Load().list() {
		out = append(out, modules.Candidate{Text: s.realm, Help: "Sent on to " + s.addr.String()})
	}
	return out
}

func (m *Module) clearLog(context.Context, modules.Call) (modules.View, error) {
	m.journal.clear()
	return modules.Text("The radius log is empty.\n"), nil
}

func (m *Module) clearCounters(context.Context, modules.Call) (modules.View, error) {
	for _, c := range m.clients.Load().list {
		c.counters.reset()
	}
	return modules.Text("The counters of all clients are 0.\n"), nil
}
