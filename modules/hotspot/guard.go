package hotspot

import "strings"

// Guests write their own names and addresses, and operators open exports in spreadsheets, which run a cell such as
// =HYPERLINK(...) as a formula (CWE-1236). An export puts a ' before such a cell; an import takes it off again, so that
// a file comes back as it went out.

// guard writes a cell that no spreadsheet runs.
func guard(cell string) string {
	if dangerous(cell) {
		return "'" + cell
	}
	return cell
}

// unguard is the reverse of guard.
func unguard(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && dangerous(rest) {
		return rest
	}
	return cell
}

// dangerous says whether a cell, or what is left of it without leading apostrophes, begins like a formula and is not
// merely a signed number, such as a telephone number.
func dangerous(cell string) bool {
	cell = strings.TrimLeft(cell, "'")
	if cell == "" || !strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return false
	}
	number := strings.Trim(cell[1:], "0123456789 .-()") == ""
	return !number || cell[0] != '+' && cell[0] != '-'
}
