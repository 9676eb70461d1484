package main

import (
	"context"
	"io"
	"os"
	"strconv"

	"mbox/modules"
	"mbox/modules/ssh"
	"mbox/modules/system"
	"mbox/shell"
)

// The SSH server's port unless a line says otherwise; an ordinary user may not open the first.
const (
	sshPort     = 22
	userSSHPort = 2222
)

func defaultSSHPort() uint16 {
	if os.Geteuid() == 0 {
		return sshPort
	}
	return userSSHPort
}

// newSSH makes the SSH server. For the grammar alone, parts without a store will do.
func newSSH(p parts, accounts *system.Module) *ssh.Module {
	deps := ssh.Deps{
		Accounts: sshAccounts{accounts}, Shell: sshShell{p.box}, Banner: accounts.LoginBanner, Port: defaultSSHPort(),
		Log: p.logOf("ssh"),
	}
	if p.store != nil {
		deps.State = p.store.State("ssh")
		deps.Files = ssh.FileArea{Dir: p.box.path("files"), Pending: pendingMark}
	}
	return ssh.New(deps)
}

// sshAccounts is the accounts of the box as the SSH server sees them.
type sshAccounts struct{ *system.Module }

func (a sshAccounts) Authenticate(ctx context.Context, name, secret, from string) (ssh.Account, error) {
	account, err := a.Module.Authenticate(ctx, name, secret, from)
	return sshAccount(account), err
}

func (a sshAccounts) Admit(name, from string) (ssh.Account, error) {
	account, err := a.Module.Admit(name, from)
	return sshAccount(account), err
}

func (a sshAccounts) Current(name string) (ssh.Account, bool) {
	account, known := a.Account(name)
	return sshAccount(account), known && account.Role != system.RoleSync
}

func sshAccount(a system.Account) ssh.Account {
	return ssh.Account{Name: a.Name, Level: a.Level, MustChange: a.MustChange, Stamp: strconv.Itoa(a.Level) + " " + a.Verifier}
}

// sshShell is the operators' shell as the SSH server sees it. It is there when the modules run.
type sshShell struct{ box *box }

func (s sshShell) Terminal(out io.Writer, size ssh.Size) ssh.Terminal {
	return sshTerminal{shell.NewTTY(out, shell.Size{Width: size.Width, Height: size.Height})}
}

func (s sshShell) Interact(ctx context.Context, actor modules.Actor, terminal ssh.Terminal) error {
	return s.box.voice.Load().Interact(ctx, actor, terminal.(sshTerminal).TTY)
}

func (s sshShell) Run(ctx context.Context, actor modules.Actor, out io.Writer, lines string) bool {
	return s.box.voice.Load().Run(ctx, actor, out, lines) == shell.Done
}

func (s sshShell) RunAll(ctx context.Context, actor modules.Actor, in io.Reader, out io.Writer) bool {
	return s.box.voice.Load().RunAll(ctx, actor, in, out) == shell.Done
}

// sshTerminal carries a terminal over SSH.
type sshTerminal struct{ *shell.TTY }

func (t sshTerminal) Resize(size ssh.Size) {
	t.TTY.Resize(shell.Size{Width: size.Width, Height: size.Height})
}
