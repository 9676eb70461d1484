package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"

	"mbox/hotspotdb"
)

// tagOf is the ETag of a version of an account: two versions never have the same.
func tagOf(v hotspotdb.AccountVersion) string {
	h := sha256.New()
	for _, s := range []hotspotdb.Stamp{v.Access, v.Self} {
		h.Write(binary.BigEndian.AppendUint64(nil, s.Clock))
		h.Write(s.Origin[:])
	}
	return `"` + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12]) + `"`
}

// matches says whether a header If-Match or If-None-Match names a tag.
func matches(header []string, tag string) bool {
	for _, part := range strings.Split(strings.Join(header, ","), ",") {
		if part = strings.TrimSpace(part); part == tag || part == "*" {
			return true
		}
	}
	return false
}

// checkVersion refuses a change that was made for another version. It is asked within the transaction of the change, so
// nothing can come in between.
func (c *call) checkVersion(tag string) error {
	if header := c.r.Header.Values("If-Match"); len(header) > 0 && !matches(header, tag) {
		return &failure{status: http.StatusPreconditionFailed, message: "the user was changed since the version that If-Match names; GET it again, and send the ETag of that answer"}
	}
	return nil
}
