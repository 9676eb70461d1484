package hotspot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// What becomes of vouchers whose owner cannot be asked.
const (
	PartitionOwnerOnly = "owner-only"
	PartitionDeny      = "deny"
	PartitionAllow     = "allow"

	partitionSyntax = "hotspot voucher partition {deny | owner-only | allow}"
)

func partitionStatement() modules.Statement {
	return modules.Statement{
		Syntax: partitionSyntax,
		Help:   "Who redeems vouchers while boxes are out of contact; the same on all boxes",
		Words: map[string]string{
			"hotspot":          "Guests, profiles and sessions",
			"voucher":          "Codes that let a guest in without an account",
			"partition":        "While boxes are out of contact",
			PartitionDeny:      "Nobody, while a box that takes vouchers is away",
			PartitionOwnerOnly: "The owner of the batch alone",
			PartitionAllow:     "Every box; what was used too often is reported afterwards",
		},
		Default: "hotspot voucher partition " + PartitionOwnerOnly,
	}
}

// applyPartition keeps the mode for who asks.
func (m *Module) applyPartition(tree *modules.Tree) {
	mode := PartitionOwnerOnly
	for _, node := range tree.All(partitionSyntax) {
		for _, word := range []string{PartitionDeny, PartitionAllow} {
			if node.Values.Has(word) {
				mode = word
			}
		}
	}
	m.partition.Store(&mode)
}

// VoucherPartition is one of the three modes above.
func (m *Module) VoucherPartition() string {
	if mode := m.partition.Load(); mode != nil {
		return *mode
	}
	return PartitionOwnerOnly
}

// Boxes is what is known of the boxes that own batches.
type Boxes interface {
	// BoxName is the host name of a box by its database; empty if it is not known.
	BoxName(hotspotdb.DatabaseID) string
	// InContact says whether a box could be asked now.
	InContact(hotspotdb.DatabaseID) bool
}

// NameBoxes tells the module of the other boxes. Without, they are shown by the ids of their databases.
func (m *Module) NameBoxes(boxes Boxes) { m.boxes = boxes }

// boxName is for people.
func (m *Module) boxName(id hotspotdb.DatabaseID) string {
	if m.db != nil && id == m.db.ID() {
		return "this box"
	}
	if m.boxes != nil {
		if name := m.boxes.BoxName(id); name != "" {
			return name
		}
	}
	const short = 12
	return id.String()[:short]
}

func (m *Module) voucherWords() map[string]string {
	return map[string]string{
		"hotspot":         "Guests, profiles and sessions",
		"voucher":         "Codes that let a guest in without an account",
		"vouchers":        "Codes that let a guest in without an account",
		"voucher-batches": "Vouchers that were made together",
		"batch":           "Vouchers that were made together",
		"code":            "One voucher",
		"count":           "How many vouchers",
		"profile":         "The access profile of whoever uses them",
		"validity":        "How long a guest may use it from the first login",
		"expires":         "When the codes end that were not used",
		"uses":            "How many devices each code lets in",
		"length":          "Symbols of each code",
		"note":            "What they are for; it stands on the cards",
		"export":          "Write a CSV file",
		"state":           "Only vouchers in this state",
		"limit":           "No more than this many",
		"login-url":       "The QR codes hold this page's address with the code",
		"title":           "The first line of each card",
		"force":           "Without asking",
	}
}

func (m *Module) voucherArgs() map[string]modules.Type {
	return map[string]modules.Type{
		"BATCH":   m.batchName(),
		"CODE":    modules.Word("The voucher's code, as it is printed", checkCode),
		"COUNT":   modules.Int(1, maxBatch, "How many"),
		"PROFILE": m.profileName("The profile's name"),
		"SPAN":    validity{},
		"TIME":    expiry{m.now},
		"USES":    modules.Int(1, maxUses, "Devices"),
		"LENGTH":  modules.Int(minCodeLength, maxCodeLength, fmt.Sprintf("Symbols (default %d)", codeLength)),
		"TEXT":    modules.Word("In quotes if it has spaces", nil),
		"STATE":   voucherState(),
		"N":       modules.Int(1, 10_000_000, "How many"),
		"FILE":    modules.FileName("A file in the file area", m.files),
		"URL":     modules.Word("The login page, such as https://login.example.com/", checkLoginURL),
		"TITLE":   modules.Word("In quotes if it has spaces", checkTitle),
	}
}

// maxUses is more devices than a crew has.
const maxUses = 1_000_000

func (m *Module) voucherCommands() []modules.Command {
	words := m.voucherWords()
	all := m.voucherArgs()
	command := func(syntax, help string, run func(context.Context, modules.Call) (modules.View, error), result any) modules.Command {
		args := maps.Clone(all)
		maps.DeleteFunc(args, func(label string, _ modules.Type) bool { return !hasLabel(syntax, label) })
		return modules.Command{Syntax: syntax, Help: help, Words: words, Args: args, Level: operator, Run: run, Result: result}
	}
	const options = " [validity SPAN] [expires TIME] [uses USES]"
	list := []modules.Command{
		command("hotspot voucher create BATCH count COUNT profile PROFILE"+options+" [length LENGTH] [note TEXT]", "Make vouchers", m.createVouchers, madeVouchers{}),
		command("hotspot voucher set BATCH [profile PROFILE]"+options+" [note TEXT]", "Change a batch; what is not named stays", m.setBatch, nil),
		command("hotspot voucher extend BATCH expires TIME", "Let the codes of a batch end later", m.extendBatch, nil),
		command("hotspot voucher disable {batch BATCH | code CODE}", "Refuse vouchers and end their sessions", m.disableVouchers, nil),
		command("hotspot voucher enable {batch BATCH | code CODE}", "Accept disabled vouchers again", m.enableVouchers, nil),
		command("hotspot voucher delete {batch BATCH | code CODE} [force]", "Delete vouchers with what is known of their use", m.deleteVouchers, nil),
		command("hotspot voucher own BATCH [force]", "Make this box the one that grants uses of a batch", m.ownBatch, nil),
		command("hotspot voucher print BATCH FILE [login-url URL] [title TITLE]", "Write cards with QR codes to a file that ends in .pdf or .html", m.printVouchers, printResult{}),
		command("hotspot export vouchers FILE [batch BATCH]", "Export vouchers to a CSV file", m.exportVouchers, exportResult{}),
		command("show hotspot vouchers [batch BATCH] [state STATE] [limit N]", "Vouchers", m.showVouchers, shapes(m.voucherObject(hotspotdb.Voucher{}, hotspotdb.VoucherBatch{}))),
		command("show hotspot vouchers CODE", "One voucher and its uses", m.showVoucher, shape(m.voucherInFull(hotspotdb.Voucher{}, hotspotdb.VoucherBatch{}))),
		command("show hotspot voucher-batches", "Vouchers that were made together", m.showBatches, shapes(m.batchObject(hotspotdb.VoucherBatch{}, batchCounts{}))),
	}
	return list
}

// hasLabel says whether a syntax has an argument of this name.
func hasLabel(syntax, label string) bool {
	for word := range strings.FieldsFuncSeq(syntax, func(r rune) bool { return strings.ContainsRune(" []{}|", r) }) {
		if word == label {
			return true
		}
	}
	return false
}

// batchName is the name of a batch; `?` shows those that are there.
func (m *Module) batchName() modules.Type {
	return lister{modules.Word("The batch's name", checkBatchName), func(prefix string) []modules.Candidate {
		batches, err := m.db.Batches()
		if err != nil {
			return nil
		}
		var found []modules.Candidate
		for _, b := range batches {
			if strings.HasPrefix(b.Name, prefix) && len(found) < listed {
				found = append(found, modules.Candidate{Text: b.Name, Help: b.Note})
			}
		}
		return found
	}}
}

// similarBatch is a hint for a name that no batch has.
func (m *Module) similarBatch(name string) string {
	batches, err := m.db.Batches()
	if err != nil {
		return ""
	}
	var known []string
	for _, b := range batches {
		known = append(known, b.Name)
	}
	if near := nearest(name, known); near != "" {
		return "Did you mean " + near + "?"
	}
	return "show hotspot voucher-batches lists them"
}

func checkBatchName(name string) (string, error) {
	field := new(hotspotdb.FieldError)
	if err := hotspotdb.CheckGroupname(name); errors.As(err, &field) {
		return "", errors.New("a batch's name " + field.Rule)
	}
	return name, nil
}

func checkTitle(text string) (string, error) {
	const longest = 64
	if len(text) > longest || modules.Printable(text) != text {
		return "", fmt.Errorf("expected at most %d bytes without control characters", longest)
	}
	return text, nil
}

// validity is how long a use of a voucher is good for, as a time.Duration.
type validity struct{}

const maxSpanDays = 3660

var spanUnits = []struct {
	name string
	unit time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}}

func (validity) Parse(text string) (any, error) {
	if text == "unlimited" {
		return time.Duration(0), nil
	}
	for _, u := range spanUnits {
		digits, ok := strings.CutSuffix(text, u.name)
		n, err := strconv.ParseUint(digits, 10, 32)
		if ok && err == nil && n > 0 && n <= uint64(maxSpanDays*24*time.Hour/u.unit) {
			return time.Duration(n) * u.unit, nil
		}
	}
	return nil, errors.New("expected days, hours or minutes such as 7d, 24h or 90m, or unlimited")
}

func (validity) Render(v any) string {
	d := v.(time.Duration)
	for _, u := range spanUnits {
		if d > 0 && d%u.unit == 0 {
			return strconv.FormatInt(int64(d/u.unit), 10) + u.name
		}
	}
	return "unlimited"
}

func (validity) Form() string { return "Nd|Nh|Nm|unlimited" }
func (validity) Help() string { return "Days, hours or minutes" }
func (validity) Secret() bool { return false }
