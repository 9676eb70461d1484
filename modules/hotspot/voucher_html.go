package hotspot

import (
	"bufio"
	"fmt"
	"html/template"
	"io"
	"iter"
	"strings"
)

// The page needs nothing from outside and runs nothing: a browser is told so. What operators typed is escaped by the template.
const pageHead = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>{{.}}</title>
<style>
@page { size: A4; margin: 14mm; }
* { box-sizing: border-box; }
body { margin: 0; font: 8.5pt/1.3 "Helvetica Neue", Helvetica, Arial, "Noto Sans", sans-serif; color: #000; background: #fff; }
main { display: grid; grid-template-columns: 90mm 90mm; gap: 2mm; width: 182mm; margin: 0 auto; }
article { height: 52mm; padding: 4mm; border: .2mm dashed #999; display: flex; gap: 3mm; break-inside: avoid; overflow: hidden; }
article > div { flex: 1; min-width: 0; display: flex; flex-direction: column; }
article > div > * { flex: none; overflow-wrap: anywhere; }
h2 { margin: 0; font-size: 11pt; }
h2, .note { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
.code { margin: 1.5mm 0; font: bold 13pt/1.25 "DejaVu Sans Mono", Menlo, Consolas, monospace; }
p { margin: 0; }
.note { margin-top: .8mm; font-size: 8pt; color: #333; }
svg { width: 32mm; height: 32mm; flex: none; align-self: center; }
@media screen { body { padding: 8mm 0; } }
</style></head><body><main>
`

const pageCard = `<article><div><h2>{{.Title}}</h2><p class="code">{{.Code}}</p>{{range .Lines}}<p>{{.}}</p>{{end}}{{with .Note}}<p class="note">{{.}}</p>{{end}}</div>` +
	`<svg viewBox="{{.Box}}" role="img" aria-label="QR code" shape-rendering="crispEdges"><path d="{{.Path}}"/></svg></article>
`

const pageFoot = "</main></body></html>\n"

// htmlCard is a card as the template sees it.
type htmlCard struct {
	card
	Box, Path string
}

// writeHTML writes one page of cards for a browser to print.
func writeHTML(w io.Writer, title string, list iter.Seq2[card, error]) error {
	page := template.Must(template.New("head").Parse(pageHead))
	template.Must(page.New("card").Parse(pageCard))
	out := bufio.NewWriter(w)
	if err := page.ExecuteTemplate(out, "head", title); err != nil {
		return err
	}
	for c, err := range list {
		if err == nil {
			err = page.ExecuteTemplate(out, "card", htmlCard{c, c.QR.box(), c.QR.path()})
		}
		if err != nil {
			return err
		}
	}
	if _, err := out.WriteString(pageFoot); err != nil {
		return err
	}
	return out.Flush()
}

// box is the SVG viewBox of the code with its quiet zone.
func (q qrCode) box() string {
	side := q.size + 2*quietZone
	return fmt.Sprintf("%d %d %d %d", -quietZone, -quietZone, side, side)
}

// path is the black of the code as an SVG path.
func (q qrCode) path() string {
	var b strings.Builder
	for _, r := range q.blocks {
		fmt.Fprintf(&b, "M%d %dh%dv%dh%dz", r.x, r.y, r.w, r.h, -r.w)
	}
	return b.String()
}
