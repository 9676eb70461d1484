package hotspot

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/url"
	"strings"
	"time"

	"mbox/hotspotdb"
	"mbox/modules"
)

const (
	// maxCards bounds one file: a thousand pages. They are in memory until the PDF is complete.
	maxCards = 10_000
	// defaultTitle stands on cards that were given no other.
	defaultTitle = "Wi-Fi access"
)

// printResult is the View of printed cards.
type printResult struct {
	File    string  `json:"file"`
	Cards   int     `json:"cards"`
	LeftOut int     `json:"left_out"` // used up, expired or disabled
	Seconds float64 `json:"seconds"`
}

func (r printResult) Text(w io.Writer, _ int) error {
	left := ""
	if r.LeftOut > 0 {
		left = fmt.Sprintf("; %s left out: used up, expired or disabled", modules.Count(r.LeftOut, "voucher"))
	}
	_, err := fmt.Fprintf(w, "%s written to %s in %.1f s%s\n", modules.Count(r.Cards, "card"), r.File, r.Seconds, left)
	return err
}

// printVouchers writes a card for each voucher of a batch that is good for a login.
func (m *Module) printVouchers(ctx context.Context, call modules.Call) (modules.View, error) {
	began, file := time.Now(), modules.Get[string](call.Values, "FILE")
	write, err := cardFormat(file)
	if err != nil {
		return nil, err
	}
	c, err := m.cardsOf(call.Values)
	if err != nil {
		return nil, err
	}
	codes, left, err := m.printable(ctx, c.batch.Name)
	if err != nil {
		return nil, err
	}
	out, err := call.Files.Create(file)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", file, err)
	}
	defer out.Abort()
	err = write(out, c.title, drawn(ctx, c, codes, func(n int) { call.Terminal.Progress(int64(n), int64(len(codes)), "cards") }))
	if err == nil {
		err = out.Commit()
	}
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", file, err)
	}
	m.audit(ctx, call.Actor, "hotspot vouchers printed", "batch", c.batch.Name, "file", file, "cards", len(codes))
	return printResult{file, len(codes), left, time.Since(began).Seconds()}, nil
}

// cardFormat chooses by the end of the file's name.
func cardFormat(file string) (func(io.Writer, string, iter.Seq2[card, error]) error, error) {
	name := strings.ToLower(file)
	switch {
	case strings.HasSuffix(name, ".pdf"):
		return writePDF, nil
	case strings.HasSuffix(name, ".html"):
		return writeHTML, nil
	}
	return nil, &modules.Error{Message: "cards are written as PDF or HTML", Hint: "Give the file a name that ends in .pdf or .html"}
}

func (m *Module) cardsOf(v modules.Values) (c cards, err error) {
	name := modules.Get[string](v, "BATCH")
	if c.batch, err = m.db.Batch(name); err != nil {
		return c, m.refusal(err, "batch", name)
	}
	c.title, c.zone = defaultTitle, m.zone()
	if v.Has("TITLE") {
		c.title = modules.Get[string](v, "TITLE")
	}
	if v.Has("URL") {
		c.login, err = url.Parse(modules.Get[string](v, "URL"))
	}
	return c, err
}

// printable lists the codes of a batch that are good for a login.
func (m *Module) printable(ctx context.Context, batch string) (codes []string, left int, err error) {
	for v, err := range m.db.Vouchers(ctx, hotspotdb.VoucherFilter{Batch: batch}) {
		switch {
		case err != nil:
			return nil, 0, err
		case v.State != hotspotdb.VoucherUnused && v.State != hotspotdb.VoucherUsed:
			left++
		case len(codes) == maxCards:
			return nil, 0, &modules.Error{Message: fmt.Sprintf("more than %d cards are too many for one file", maxCards), Hint: "Make smaller batches, or export the codes: hotspot export vouchers FILE batch " + batch}
		default:
			codes = append(codes, v.Code)
		}
	}
	if len(codes) == 0 {
		return nil, 0, modules.Errorf("no voucher of batch %s is good for a login", batch)
	}
	return codes, left, nil
}

func drawn(ctx context.Context, c cards, codes []string, bar func(int)) iter.Seq2[card, error] {
	const often = 100
	return func(yield func(card, error) bool) {
		for i, code := range codes {
			one, err := c.card(code)
			if err == nil {
				err = ctx.Err()
			}
			if !yield(one, err) || err != nil {
				return
			}
			if (i+1)%often == 0 {
				bar(i + 1)
			}
		}
	}
}
