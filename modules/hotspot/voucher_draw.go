package hotspot

// VoucherCodes draws different codes of the usual length, or of more symbols where so many would not be safe. Whether one is
// taken already the database says.
func VoucherCodes(count int) []string { return newCodes(count, max(codeLength, leastLength(count))) }
