package hotspot

// nearest returns the word that is closest to what was typed, or "" if none is close enough to be meant: at most a third
// of its letters are wrong.
func nearest(typed string, words []string) string {
	if len(typed) > 64 {
		return "" // no name is as long
	}
	best, word := len(typed)/3+1, ""
	for _, w := range words {
		if d := distance(typed, w); d < best {
			best, word = d, w
		}
	}
	return word
}

// distance counts the bytes to insert, drop, replace or swap with their neighbour to make b of a (optimal string alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
