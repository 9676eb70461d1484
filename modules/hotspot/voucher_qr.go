package hotspot

import (
	"fmt"
	"image/color"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// quietZone is how many modules around a QR code stay white, ISO/IEC 18004 section 6.3.8.
const quietZone = 4

// block is a black rectangle of a QR code, in modules.
type block struct{ x, y, w, h int }

// qrCode is a QR code as few rectangles, for printers.
type qrCode struct {
	size   int // modules on each side, without the quiet zone
	blocks []block
}

// makeQR encodes a text so that a seventh of the code may be dirty (level M).
func makeQR(text string) (qrCode, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return qrCode{}, fmt.Errorf("make a QR code of %d bytes: %w", len(text), err)
	}
	q := qrCode{size: code.Bounds().Dx()}
	open := map[[2]int]int{} // the block above that begins and ends in these columns
	for y := range q.size {
		next := map[[2]int]int{}
		for x := 0; x < q.size; x++ {
			from := x
			for x < q.size && black(code, x, y) {
				x++
			}
			if x == from {
				continue
			}
			run := [2]int{from, x}
			i, continues := open[run]
			if !continues {
				i = len(q.blocks)
				q.blocks = append(q.blocks, block{from, y, x - from, 0})
			}
			q.blocks[i].h++
			next[run] = i
		}
		open = next
	}
	return q, nil
}

func black(code barcode.Barcode, x, y int) bool {
	at := code.Bounds().Min
	return color.GrayModel.Convert(code.At(at.X+x, at.Y+y)).(color.Gray).Y < 128
}
