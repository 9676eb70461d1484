package hotspot

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// program finds one that the test needs and did not come with it.
func program(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("needs %s of the package %s to read what was printed", name, pkg)
	}
	return path
}

// scan reads the QR codes of pictures with a program that we did not write.
func scan(t *testing.T, pictures ...string) []string {
	t.Helper()
	out, err := exec.Command(program(t, "zbarimg", "zbar-tools"), append([]string{"--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"}, pictures...)...).Output()
	if err != nil {
		t.Fatalf("zbarimg: %v", err)
	}
	return strings.Fields(string(out))
}

// picture draws a code as a printer does.
func picture(t *testing.T, q qrCode) string {
	t.Helper()
	const scale = 6
	side := (q.size + 2*quietZone) * scale
	img := image.NewGray(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for _, b := range q.blocks {
		for y := (b.y + quietZone) * scale; y < (b.y+b.h+quietZone)*scale; y++ {
			for x := (b.x + quietZone) * scale; x < (b.x+b.w+quietZone)*scale; x++ {
				img.SetGray(x, y, color.Gray{})
			}
		}
	}
	name := filepath.Join(t.TempDir(), "qr.png")
	writePicture(t, name, img)
	return name
}

func TestQRCodesCanBeScanned(t *testing.T) {
	for _, text := range []string{"CDFG-HJKL-MNPQ", "https://login.example.com/portal?code=CDFGHJKLMNPQ", "https://login.example.com/" + strings.Repeat("x", maxLoginURL)} {
		q, err := makeQR(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := scan(t, picture(t, q)); !slices.Equal(got, []string{text}) {
			t.Errorf("%q is scanned as %q", text, got)
		}
	}
}

// scannedPDF are the codes that telephones find on the cards of a printed file, sorted. Each card is cut out, as it will be: a
// scanner that sees a whole page may pass over some.
func scannedPDF(t *testing.T, file string, cards int) []string {
	t.Helper()
	pdftoppm := program(t, "pdftoppm", "poppler-utils")
	dir := t.TempDir()
	if out, err := exec.Command(pdftoppm, "-r", "200", "-gray", "-png", file, filepath.Join(dir, "page")).CombinedOutput(); err != nil {
		t.Fatalf("pdftoppm: %v: %s", err, out)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "page*.png"))
	if err != nil {
		t.Fatal(err)
	}
	var cut []string
	for _, page := range pages {
		for place := range min(cardColumns*cardRows, cards-len(cut)) {
			name := fmt.Sprintf("%s.card%d.png", page, place)
			writePicture(t, name, cutOut(t, page, place))
			cut = append(cut, name)
		}
	}
	got := scan(t, cut...)
	slices.Sort(got)
	return got
}

// cutOut takes one card out of the picture of a page.
func cutOut(t *testing.T, page string, place int) image.Image {
	t.Helper()
	f, err := os.Open(page)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	const perMM = 200 / 25.4
	x, y := pageLeft+float64(place%cardColumns)*(cardWidth+cardGap), pageTop+float64(place/cardColumns)*(cardHeight+cardGap)
	area := image.Rect(int(x*perMM), int(y*perMM), int((x+cardWidth)*perMM), int((y+cardHeight)*perMM))
	return img.(interface {
		SubImage(image.Rectangle) image.Image
	}).SubImage(area)
}

func writePicture(t *testing.T, name string, img image.Image) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}

// A PDF of two pages: each card has the QR code of its voucher, and its text says the same.
func TestPDFCards(t *testing.T) {
	b := newBox(t)
	b.must(`hotspot profile add guest`, `hotspot voucher create pool count 13 profile guest validity 7d expires 2030-12-31 uses 2 note "Für die Bar: 15 % — (a) \\"`)
	codes := b.codes("pool")
	b.must(`hotspot voucher disable code `+codes[0], `hotspot voucher print pool plain.pdf title "Grand Hotel"`, `hotspot voucher print pool url.pdf login-url https://login.example.com/p`)
	if text := b.must(`hotspot voucher print pool plain.pdf title "Grand Hotel"`); !strings.Contains(text, "12 cards") || !strings.Contains(text, "1 voucher left out") {
		t.Error(text)
	}
	var plain, urls []string
	for _, code := range codes[1:] {
		plain, urls = append(plain, printedCode(code)), append(urls, "https://login.example.com/p?code="+code)
	}
	slices.Sort(plain)
	slices.Sort(urls)
	if got := scannedPDF(t, filepath.Join(b.dir, "plain.pdf"), len(plain)); !slices.Equal(got, plain) {
		t.Errorf("scanned %q\nwant %q", got, plain)
	}
	if got := scannedPDF(t, filepath.Join(b.dir, "url.pdf"), len(urls)); !slices.Equal(got, urls) {
		t.Errorf("scanned %q\nwant %q", got, urls)
	}
	text, err := exec.Command(program(t, "pdftotext", "poppler-utils"), "-layout", filepath.Join(b.dir, "plain.pdf"), "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range append(plain, "Grand Hotel", "7 days from the first login", "For 2 devices", "by 2030-12-31", "Für die Bar: 15 %") {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in the text", want)
		}
	}
	if n := strings.Count(string(text), "\f"); n != 2 {
		t.Errorf("%d pages", n)
	}
}

var (
	tag    = regexp.MustCompile(`<[a-zA-Z/!][^>]*>`)
	remote = regexp.MustCompile(`(?i)(src|href|srcset|action|data)\s*=|url\(|@import|<(script|link|img|iframe|object|embed|form|base)`)
)

// What an operator typed is text on the page and nothing else; the page fetches nothing.
func TestHTMLCardsAreEscapedAndAlone(t *testing.T) {
	b := newBox(t)
	hostile := `</p><script>alert(1)</script><img src=//evil.example/x onerror=alert(2)> & 'q'`
	b.must(`hotspot profile add guest`, `hotspot voucher create plain count 3 profile guest note "x" `, `hotspot voucher create evil count 3 profile guest note "`+hostile+`"`,
		`hotspot voucher print plain plain.html title "x"`, `hotspot voucher print evil evil.html title "<b onclick=alert(3)>x"`)
	count := func(name string) int { return len(tag.FindAllString(b.read(name), -1)) }
	if plain, evil := count("plain.html"), count("evil.html"); plain != evil || plain < 30 {
		t.Errorf("%d tags, and %d with hostile text", plain, evil)
	}
	for _, name := range []string{"plain.html", "evil.html"} {
		for _, found := range tag.FindAllString(b.read(name), -1) {
			if remote.MatchString(found) || strings.Contains(found, " on") {
				t.Errorf("%s has %s", name, found)
			}
		}
	}
	page := b.read("evil.html")
	if strings.Contains(page, "url(") || strings.Contains(page, "@import") || !strings.Contains(page, "default-src &#39;none&#39;") && !strings.Contains(page, "default-src 'none'") {
		t.Error("the page may fetch something")
	}
	for _, code := range b.codes("evil") {
		if !strings.Contains(page, printedCode(code)) {
			t.Errorf("no %s", printedCode(code))
		}
	}
}

// What a browser prints has one card for each voucher, each whole, on as many pages as the PDF.
func TestHTMLCardsArePrinted(t *testing.T) {
	chromium := program(t, "chromium", "chromium")
	b := newBox(t)
	b.must(`hotspot profile add guest`, `hotspot voucher create pool count 13 profile guest validity 7d expires 2030-12-31 uses 2 note "A note that is longer than its place on the card, and so is cut"`,
		`hotspot voucher print pool cards.html login-url https://login.example.com/p title "A hotel whose name takes more than one line"`)
	printed := filepath.Join(t.TempDir(), "printed.pdf")
	out, err := exec.Command(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", "--user-data-dir="+t.TempDir(),
		"--print-to-pdf="+printed, "file://"+filepath.Join(b.dir, "cards.html")).CombinedOutput()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, out)
	}
	var want []string
	for _, code := range b.codes("pool") {
		want = append(want, "https://login.example.com/p?code="+code)
	}
	slices.Sort(want)
	if got := scannedPDF(t, printed, len(want)); !slices.Equal(got, want) {
		t.Errorf("scanned %q\nwant %q", got, want)
	}
	text, err := exec.Command(program(t, "pdftotext", "poppler-utils"), "-layout", printed, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line, times := range map[string]int{"To be used by 2030-12-31": 13, "A hotel whose name": 13, "\f": 2} {
		if n := strings.Count(string(text), line); n != times {
			t.Errorf("%q is there %d times", line, n)
		}
	}
}

// Who cannot scan types the page; what nobody would type stays in the QR code.
func TestPageOnCard(t *testing.T) {
	for text, want := range map[string]string{
		"https://login.example.com/":                                "login.example.com",
		"https://login.example.com/portal/?lang=de":                 "login.example.com/portal",
		"http://10.0.0.1:8080/p":                                    "10.0.0.1:8080/p",
		"https://login.example.com/" + strings.Repeat("portal/", 5): "login.example.com",
	} {
		page, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := typedPage(page); got != want {
			t.Errorf("%s is %s on the card", text, got)
		}
	}
}

func TestLoginPage(t *testing.T) {
	for text, want := range map[string]string{
		"https://login.example.com":                               "https://login.example.com?code=CDFG",
		"http://10.0.0.1:8080/p/login.html":                       "http://10.0.0.1:8080/p/login.html?code=CDFG",
		"https://login.example.com/?lang=de":                      "https://login.example.com/?code=CDFG&lang=de",
		"https://[2001:db8::1]/":                                  "https://[2001:db8::1]/?code=CDFG",
		"javascript:alert(1)":                                     "",
		"https://user:secret@example.com/":                        "",
		"//example.com/":                                          "",
		"https:///x":                                              "",
		"https://example.com/ x":                                  "",
		"https://example.com/" + strings.Repeat("x", maxLoginURL): "",
	} {
		clean, err := checkLoginURL(text)
		if want == "" {
			if err == nil {
				t.Errorf("%.60q was taken", text)
			}
			continue
		}
		u, parseErr := url.Parse(clean)
		if err != nil || parseErr != nil {
			t.Errorf("%q: %v, %v", text, err, parseErr)
			continue
		}
		if got := loginWith(u, "CDFG"); got != want {
			t.Errorf("%q makes %q", text, got)
		}
	}
}
