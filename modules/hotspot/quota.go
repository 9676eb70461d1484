package hotspot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// QuotaSource says what accounts may use, and when their quotas begin anew. Package policy does; cmd connects it.
type QuotaSource interface {
	// Quota tells of an account, or of a use of a voucher. hotspotdb.ErrNotFound if there is none.
	Quota(account uint64, at time.Time) (Quota, error)
	// SetQuotaReset says that days begin at a time of the day, and weeks on a day of the week at that time, on the wall clock.
	SetQuotaReset(weekday time.Weekday, hour, minute int)
	// UsageDay is when the day that holds an instant began.
	UsageDay(at time.Time) time.Time
}

// Quota is what an account may use and has used, of octets and of seconds online.
type Quota struct {
	Octets  QuotaUnit
	Seconds QuotaUnit
	Denied  string // one word why nothing of it may be used; empty: it may
}

// QuotaUnit counts one unit. Purchases are spent when nothing free is left, and do not end with a period.
type QuotaUnit struct {
	Free   []FreeQuota // none: not limited
	Bought uint64      // of all times
	Spent  uint64      // of what was bought
	Left   uint64      // that may be used now, of the tightest free quota and of purchases; without a meaning if not limited
}

// FreeQuota is one free quota.
type FreeQuota struct {
	Period string // daily, weekly, monthly or all
	Limit  uint64
	Used   uint64    // of it; what purchases paid for does not count
	Resets time.Time // zero: never
}

// UseQuotas connects what knows the quotas. It is called before Apply.
func (m *Module) UseQuotas(source QuotaSource) { m.quotas = source }

const (
	quotaResetSyntax = "hotspot quota reset [weekly DAY] [at TIME]"
	megabyte         = 1_000_000 // octets
	// maxPurchase is more than anybody sells, in MB or minutes; its octets fit into 64 bits.
	maxPurchase = 1_000_000_000
)

var quotaWords = map[string]string{
	"hotspot": "Guests, profiles and sessions",
	"quota":   "What guests may use",
}

func quotaResetStatement() modules.Statement {
	return modules.Statement{
		Syntax: quotaResetSyntax,
		Help:   "When quotas begin anew, on the wall clock; the same on all boxes",
		Words: with(quotaWords, map[string]string{
			"reset":  "When quotas begin anew",
			"weekly": "The day on which weeks begin",
			"at":     "The time at which days, weeks and months begin",
		}),
		Args:    map[string]modules.Type{"DAY": weekday(), "TIME": timeOfDay{}},
		Default: "hotspot quota reset weekly monday at 00:00",
	}
}

// with joins help for words.
func with(words ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, w := range words {
		for word, help := range w {
			out[word] = help
		}
	}
	return out
}

// weekday is a day of the week, by its name.
func weekday() modules.Type {
	var days []modules.Candidate
	for n := range 7 {
		day := time.Weekday((n + 1) % 7)
		days = append(days, modules.Candidate{Text: strings.ToLower(day.String()), Help: "Weeks begin on " + day.String()})
	}
	return modules.Enum("A day of the week", days...)
}

func parseWeekday(name string) time.Weekday {
	for day := range time.Weekday(7) {
		if strings.EqualFold(day.String(), name) {
			return day
		}
	}
	return time.Monday
}

// timeOfDay is HH:MM, as minutes since midnight.
type timeOfDay struct{}

func (timeOfDay) Parse(text string) (any, error) {
	at, err := time.Parse("15:04", text)
	if err != nil {
		return nil, errors.New("expected a time of the day such as 04:00")
	}
	return at.Hour()*60 + at.Minute(), nil
}

func (timeOfDay) Render(v any) string { return fmt.Sprintf("%02d:%02d", v.(int)/60, v.(int)%60) }
func (timeOfDay) Form() string        { return "HH:MM" }
func (timeOfDay) Help() string        { return "Hours and minutes" }
func (timeOfDay) Secret() bool        { return false }

// applyQuotaReset says when quotas begin anew, to whoever computes them and to the database, which counts by days.
func (m *Module) applyQuotaReset(tree *modules.Tree) {
	if m.quotas == nil {
		return
	}
	day, minute := time.Monday, 0
	for _, node := range tree.All(quotaResetSyntax) {
		if node.Values.Has("DAY") {
			day = parseWeekday(modules.Get[string](node.Values, "DAY"))
		}
		minute = modules.Get[int](node.Values, "TIME")
	}
	m.quotas.SetQuotaReset(day, minute/60, minute%60)
	m.db.SetUsageDay(m.quotas.UsageDay)
}

func (m *Module) quotaCommands() []modules.Command {
	words := with(quotaWords, map[string]string{
		"add":     "Sell more than the free quota",
		"mb":      "Traffic, in MB of 1,000,000 bytes",
		"minutes": "Time online",
		"note":    "What the purchase was, for the report",
	})
	args := map[string]modules.Type{
		"NAME":    m.quotaName(),
		"MB":      modules.Int(1, maxPurchase, "MB of 1,000,000 bytes, of both directions"),
		"MINUTES": modules.Int(1, maxPurchase, "Minutes"),
		"TEXT":    modules.Word("In quotes if it has spaces", nil),
	}
	return []modules.Command{
		{Syntax: "hotspot quota add NAME {mb MB | minutes MINUTES} [note TEXT]", Help: "Add purchased quota, used when the free one is", Words: words, Args: args,
			Level: operator, Run: m.addQuota, Result: purchased{}},
	}
}

// quotaName is an account or the code of a voucher.
func (m *Module) quotaName() modules.Type {
	return lister{modules.Word("The account's username, or a voucher's code", nil), m.usersWith}
}

// purchased is the View of a purchase.
type purchased struct {
	purchaseRow
}

func (p purchased) Text(w io.Writer, _ int) error {
	amount := displayOctets(p.Octets)
	if p.Seconds > 0 {
		amount = displaySpan(p.Seconds)
	}
	_, err := fmt.Fprintf(w, "%s added for %s.\n", amount, modules.Printable(p.Username))
	return err
}

func (m *Module) addQuota(ctx context.Context, call modules.Call) (modules.View, error) {
	v := call.Values
	name := m.guestName(v)
	id, username, err := m.quotaHolder(name)
	if err != nil {
		return nil, err
	}
	bought := hotspotdb.Purchase{Account: id, Username: username, By: call.Actor.Name, Note: modules.Get[string](v, "TEXT")}
	bought.Octets = uint64(modules.Get[int](v, "MB")) * megabyte
	bought.Seconds = uint64(modules.Get[int](v, "MINUTES")) * 60
	pending, err := m.store(ctx, call.Actor, "account", username, func(tx *hotspotdb.Tx) (err error) {
		bought, err = tx.AddPurchase(bought)
		return err
	})
	if err != nil {
		return nil, err
	}
	m.audit(ctx, call.Actor, "hotspot quota added", "account", id, "octets", bought.Octets, "seconds", bought.Seconds)
	return purchased{purchaseOf(bought)}, pending
}

// quotaHolder finds an account by its name, or the use of a voucher by its code. A voucher that several devices use holds a quota for each
// of them: the one that began last and has not ended is meant.
func (m *Module) quotaHolder(name string) (id uint64, username string, err error) {
	account, err := m.db.Account(name)
	if err == nil {
		return account.ID, account.Username, nil
	}
	if !errors.Is(err, hotspotdb.ErrNotFound) {
		return 0, "", m.refusal(err, "account", name)
	}
	voucher, _, voucherErr := m.db.Voucher(name)
	if errors.Is(voucherErr, hotspotdb.ErrNotFound) || errors.Is(voucherErr, hotspotdb.ErrInvalid) {
		return 0, "", m.refusal(err, "account", name)
	}
	if voucherErr != nil {
		return 0, "", fmt.Errorf("look for a voucher: %w", voucherErr)
	}
	for n := len(voucher.Uses) - 1; n >= 0; n-- {
		if use := voucher.Uses[n]; !use.At.IsZero() && !use.Ended(m.now()) {
			return use.ID, voucher.Code, nil
		}
	}
	return 0, "", &modules.Error{Message: "nobody uses the voucher now", Hint: "Quota is added to a use of a voucher: let the guest log in first"}
}
