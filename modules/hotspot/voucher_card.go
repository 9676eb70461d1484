package hotspot

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

// card is what one card shows.
type card struct {
	Title string
	Code  string // as people read it
	Lines []string
	Note  string
	QR    qrCode
}

// cards makes the cards of a batch.
type cards struct {
	title string
	batch hotspotdb.VoucherBatch
	login *url.URL // nil: the QR code holds the code alone
	zone  *time.Location
}

func (c cards) card(code string) (card, error) {
	text := printedCode(code)
	if c.login != nil {
		text = loginWith(c.login, code)
	}
	q, err := makeQR(text)
	return card{Title: c.title, Code: printedCode(code), Lines: c.lines(), Note: c.batch.Note, QR: q}, err
}

// lines say what the voucher is good for.
func (c cards) lines() []string {
	var out []string
	if c.login != nil {
		out = append(out, "Scan, or go to "+typedPage(c.login))
	}
	if c.batch.Validity > 0 {
		out = append(out, spanText(c.batch.Validity)+" from the first login")
	}
	if c.batch.MaxUses > 1 {
		out = append(out, fmt.Sprintf("For %d devices", c.batch.MaxUses))
	}
	if !c.batch.Expires.IsZero() {
		out = append(out, "To be used "+untilText(c.batch.Expires.In(c.zone)))
	}
	return out
}

// typedPage is what a guest types who cannot scan; a path that nobody would type is left out.
func typedPage(page *url.URL) string {
	const most = 32
	if text := page.Host + strings.TrimSuffix(page.EscapedPath(), "/"); len(text) <= most {
		return text
	}
	return page.Host
}

// untilText names the last day for what ends at midnight, as people do.
func untilText(end time.Time) string {
	if end.Hour() == 0 && end.Minute() == 0 {
		return "by " + end.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	return "before " + end.Format("2006-01-02 15:04")
}

// loginWith adds the code to the login page's address.
func loginWith(page *url.URL, code string) string {
	u := *page
	q := u.Query()
	q.Set("code", code)
	u.RawQuery = q.Encode()
	return u.String()
}

// maxLoginURL keeps the modules of the QR code large enough for a telephone: bytes.
const maxLoginURL = 200

func checkLoginURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || len(text) > maxLoginURL || !printableASCII(text) {
		return "", fmt.Errorf("expected the login page, such as https://login.example.com/, of at most %d bytes", maxLoginURL)
	}
	return text, nil
}

func printableASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// spanText is a span in words, in the largest unit that fits without a rest.
func spanText(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d%day == 0:
		return modules.Count(int(d/day), "day")
	case d%time.Hour == 0:
		return modules.Count(int(d/time.Hour), "hour")
	}
	return modules.Count(int(d/time.Minute), "minute")
}
