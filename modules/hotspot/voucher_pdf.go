package hotspot

import (
	"io"
	"iter"
	"strings"

	"codeberg.org/go-pdf/fpdf"
)

// A4 in millimetres, with ten cards of 90 x 52 that are cut apart.
const (
	cardWidth, cardHeight = 90.0, 52.0
	cardGap               = 2.0
	cardColumns, cardRows = 2, 5
	pageLeft, pageTop     = 14.0, 14.0
	cardInset             = 4.0
	qrSide                = 32.0 // with the quiet zone
)

// pdfCards draws cards onto pages.
type pdfCards struct {
	*fpdf.Fpdf
	text func(string) string // from UTF-8 to the Western characters that every PDF reader has
}

// writePDF writes cards as a PDF without embedded fonts: characters beyond Western European ones become dots, HTML has them all.
func writePDF(w io.Writer, title string, list iter.Seq2[card, error]) error {
	doc := fpdf.New("P", "mm", "A4", "")
	doc.SetTitle(title, true)
	doc.SetAutoPageBreak(false, 0)
	doc.SetMargins(0, 0, 0)
	p := pdfCards{doc, doc.UnicodeTranslatorFromDescriptor("")}
	n := 0
	for c, err := range list {
		if err != nil {
			return err
		}
		place := n % (cardColumns * cardRows)
		if place == 0 {
			doc.AddPage()
		}
		p.draw(c, pageLeft+float64(place%cardColumns)*(cardWidth+cardGap), pageTop+float64(place/cardColumns)*(cardHeight+cardGap))
		n++
	}
	if n == 0 {
		doc.AddPage()
	}
	return doc.Output(w)
}

// draw puts a card with its upper left corner at x, y.
func (p pdfCards) draw(c card, x, y float64) {
	const grey = 150
	p.SetDrawColor(grey, grey, grey)
	p.SetLineWidth(0.2)
	p.SetDashPattern([]float64{1, 1}, 0)
	p.Rect(x, y, cardWidth, cardHeight, "D")
	p.SetDashPattern([]float64{}, 0)

	width := cardWidth - 3*cardInset - qrSide
	left, at := x+cardInset, y+cardInset
	p.SetFont("Helvetica", "B", 11)
	at = p.lines(c.Title, left, at, width, 4.8, 2)
	p.SetFont("Courier", "B", 13)
	at = p.lines(c.Code, left, at+1.5, width, 5.6, 3) + 1.5
	p.SetFont("Helvetica", "", 9)
	for _, line := range c.Lines {
		at = p.lines(line, left, at, width, 4, 2)
	}
	p.SetFont("Helvetica", "", 8)
	if room := int((y + cardHeight - cardInset - at) / 3.6); c.Note != "" && room > 0 {
		p.lines(c.Note, left, at+1, width, 3.6, min(room, 3))
	}
	p.qr(c.QR, x+cardWidth-cardInset-qrSide, y+(cardHeight-qrSide)/2)
}

// lines writes a text in at most a number of lines and returns where the next one begins.
func (p pdfCards) lines(text string, x, y, width, height float64, most int) float64 {
	list := p.wrap(p.text(text), width)
	for _, line := range list[:min(most, len(list))] {
		p.SetXY(x, y)
		p.CellFormat(width, height, line, "", 0, "L", false, 0, "")
		y += height
	}
	return y
}

// wrap cuts a text at blanks and hyphens, or anywhere if a word alone is too long.
func (p pdfCards) wrap(text string, width float64) (out []string) {
	width -= 2 * p.GetCellMargin()
	line := ""
	for _, word := range strings.SplitAfter(strings.ReplaceAll(text, "-", "-\x00"), " ") {
		for part := range strings.SplitSeq(word, "\x00") {
			for p.GetStringWidth(strings.TrimRight(line+part, " ")) > width {
				if line == "" {
					n := len(part)
					for n > 1 && p.GetStringWidth(part[:n]) > width {
						n--
					}
					line, part = part[:n], part[n:]
				}
				out, line = append(out, line), ""
			}
			line += part
		}
	}
	if line != "" {
		out = append(out, line)
	}
	return out
}

// qr draws a code as one path, so that no seams show between its rectangles.
func (p pdfCards) qr(q qrCode, x, y float64) {
	unit := qrSide / float64(q.size+2*quietZone)
	x, y = x+quietZone*unit, y+quietZone*unit
	p.SetFillColor(0, 0, 0)
	for _, b := range q.blocks {
		left, top := x+float64(b.x)*unit, y+float64(b.y)*unit
		right, bottom := left+float64(b.w)*unit, top+float64(b.h)*unit
		p.MoveTo(left, top)
		p.LineTo(right, top)
		p.LineTo(right, bottom)
		p.LineTo(left, bottom)
		p.ClosePath()
	}
	p.DrawPath("F")
}
