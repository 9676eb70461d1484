package system

import "mbox/modules"

// foreign are lines of IOS about accounts and logins, and what comes with nearly every text that is pasted from there.
var foreign = []modules.Foreign{
	{Words: "service", Advice: "there are no services to configure: leave this line out"},
	{Words: "service password-encryption", Advice: "secrets are never stored in clear: leave this line out"},
	{Words: "service timestamps", Advice: "log messages always have the time: leave this line out"},
	{Words: "version", Advice: "the version is that of the software, see show version: leave this line out"},
	{Words: "boot-start-marker", Advice: "leave this line out"},
	{Words: "boot-end-marker", Advice: "leave this line out"},
	{Words: "aaa", Advice: "logins always use the accounts of username lines; there is no RADIUS or TACACS+ for operators: leave this line out"},
	{Words: "login local", Advice: "logins always use the accounts of username lines: leave this line out"},
	{Words: "login on-failure", Advice: "failed logins are always logged: leave this line out"},
	{Words: "login on-success", Advice: "logins are always logged: leave this line out"},
	{Words: "login delay", Advice: "logins are slowed down by login block-for: use that line"},
	{Words: "security passwords min-length", Advice: "use password-policy strict"},
	{Words: "security authentication failure", Advice: "use login block-for"},
	{Words: "transport", Advice: "operators get in by SSH and the console only: leave this line out, and see ip ssh"},
	{Words: "ip http", Advice: "there is no HTTP server for operators: leave this line out"},
	{Words: "ip domain-name", Advice: "names are typed in full: leave this line out"},
	{Words: "ip domain", Advice: "names are typed in full: leave this line out"},
	{Words: "ip cef", Advice: "leave this line out"},
	{Words: "ipv6 cef", Advice: "leave this line out"},
	{Words: "ip classless", Advice: "leave this line out"},
	{Words: "ip subnet-zero", Advice: "leave this line out"},
	{Words: "ip forward-protocol", Advice: "leave this line out"},
	{Words: "ip domain-lookup", Advice: "names in commands are always looked up, mistyped commands never: leave this line out"},
	{Words: "logging synchronous", Advice: "messages never break the line that is being typed: leave this line out"},
	{Words: "history size", Advice: "use terminal history size in the session"},
	{Words: "building configuration...", Advice: "this is not a line of a configuration: leave it out"},
	{Words: "current configuration", Advice: "this is not a line of a configuration: leave it out"},
	{Words: "crypto key generate rsa", Advice: "the SSH key is made by itself; do crypto key generate ssh makes another: leave this line out"},
}
