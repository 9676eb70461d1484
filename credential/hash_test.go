package credential

import (
	"strings"
	"testing"
)

// The vectors of type 5 are what `openssl passwd -1 -salt SALT PASSWORD` prints; those of types 8 and 9 are the examples
// that hashcat publishes for its modes 9200 and 9300.
var hashVectors = []struct{ password, hash string }{
	{"", "$1$mERr$tmUg7hRVlDjfNDqoWVXLY."},
	{"a", "$1$a$44cUw6Nm5bX0muHWNIwub0"},
	{"cisco", "$1$mERr$hx5rVt7rPNoS4wqbXKX7m0"},
	{"securemboxpass", "$1$deadbeef$RIBNnZuZ1KQxFC318ZJTf."},
	{"exactly16bytes!!", "$1$deadbeef$ughT.zmzb3Ja5InV067wK/"},
	{"a password that is longer than sixteen bytes", "$1$a$4NmLQJUSsb4gb2Ju21hTI/"},
	{"pässwörd", "$1$mERr$lK/mKqnOSlcd1qxidoppo/"},
	{"hashcat", "$8$TnGX/fE4KGHOVU$pEhnEvxrvaynpi8j4f.EMHr6M.FzU8xnZnBr/tJdFWk"},
	{"hashcat", "$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6"},
}

func TestHashesOfOtherSystems(t *testing.T) {
	for _, v := range hashVectors {
		h, err := ParseHash(v.hash)
		if err != nil {
			t.Errorf("%s: %v", v.hash, err)
			continue
		}
		if h.String() != v.hash {
			t.Errorf("%s is written %s", v.hash, h)
		}
		if !h.Matches(v.password) {
			t.Errorf("%s does not match %q", v.hash, v.password)
		}
		for _, other := range []string{v.password + "x", "x" + v.password, strings.ToUpper(v.password) + " ", strings.Repeat("a", maxHashed+1)} {
			if h.Matches(other) {
				t.Errorf("%s matches %q", v.hash, other)
			}
		}
	}
}

func TestMalformedHashesAreRefused(t *testing.T) {
	for _, v := range hashVectors {
		for _, bad := range []string{
			v.hash[:len(v.hash)-1], v.hash + "a", v.hash[:len(v.hash)-1] + "!", v.hash[:len(v.hash)-1] + "\n",
			strings.Replace(v.hash, "$", "$$", 1), v.hash[:3], v.hash[:3] + "$" + v.hash[3:],
			v.hash[:3] + "0123456789abcdefg" + v.hash[strings.LastIndex(v.hash, "$"):],
			strings.ReplaceAll(v.hash, v.hash[:3], "$2$"),
		} {
			if h, err := ParseHash(bad); err == nil {
				t.Errorf("%q is taken for %v", bad, h)
			}
		}
	}
	for _, bad := range []string{"", "cisco", "$1$", "$8$", "$9$TnGX/fE4KGHOVU$", "$1$a$b$c", "SCRAM-SHA-256$"} {
		if _, err := ParseHash(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestReveal(t *testing.T) {
	for text, want := range map[string]string{
		"0822455D0A16": "cisco", "060506324F41": "cisco", "02050d480809": "cisco", "121A0C041104": "cisco", "13061E010803": "cisco",
		"094F471A1A0A": "cisco", "15": "", "": "", "0": "", "1622455D0A16": "", "-122455D0A16": "", "08224": "", "0822zz": "",
	} {
		got, err := Reveal(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	for _, v := range hashVectors {
		f.Add(v.hash)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if h, err := ParseHash(text); err == nil && !Is(text) && h.String() != text {
			t.Fatalf("%q is written %q", text, h)
		}
		_, _ = Reveal(text)
	})
}
