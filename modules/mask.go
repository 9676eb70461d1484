package modules

import (
	"slices"
	"strings"
)

// commonSecrets are words behind which other systems write secrets.
var commonSecrets = []string{"authentication", "community", "credential", "key", "passphrase", "passwd", "password", "psk", "radius-server", "secret", "snmp-server", "tacacs-server", "token"}

// findSecretWords collects the literals that stand before a secret.
func (b *Book) findSecretWords() {
	found := slices.Clone(commonSecrets)
	for _, p := range slices.Concat(b.statements, b.commands) {
		for _, from := range p.places {
			for _, e := range from.next {
				if p.places[e.to].secret() && from.literal != "" {
					found = append(found, from.literal)
				}
			}
		}
	}
	slices.Sort(found)
	b.secretWords = slices.Compact(found)
}

// MaskLine hides what may be a secret in a line that does not parse, for logs, histories and reports: everything behind
// a word that is, abbreviates, contains or nearly spells one that introduces secrets.
func (b *Book) MaskLine(line string) string {
	for at := skipSpace(line, 0); at < len(line); at = skipSpace(line, at) {
		end := at
		for end < len(line) && !isSpace(line[end]) {
			end++
		}
		if rest := skipSpace(line, end); b.introducesSecret(line[at:end]) && rest < len(line) {
			return line[:rest] + Masked
		}
		at = end
	}
	return line
}

func (b *Book) introducesSecret(word string) bool {
	word = strings.ToLower(word)
	if nearest(word, b.secretWords) != "" { // the line may have been refused for this typo
		return true
	}
	return slices.ContainsFunc(b.secretWords, func(secret string) bool {
		return word == secret || len(word) > 1 && strings.HasPrefix(secret, word) || len(secret) > 2 && strings.Contains(word, secret)
	})
}
