package aaa

import "crypto/rand"

// randomize fills b. crypto/rand ends the program rather than give less than random bytes.
func randomize(b []byte) { _, _ = rand.Read(b) }
