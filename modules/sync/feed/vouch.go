package feed

import (
	"time"

	"mbox/hotspotdb"
	"mbox/proto/syncpb"
)

// maxBehind is how far a peer's clock may be behind ours for its acknowledgements to count: behind more it sets our changes aside
// (hotspotdb, 60 s), and of those it keeps a bounded number.
const maxBehind = 60 * time.Second

// vouch passes on what the peer says is durable there, if it is something that this database, as it is now, has sent: not a
// position of a history that was forgotten here, nor one beyond what is durable here.
func (l *Link) vouch(ds hotspotdb.Dataset, p *syncpb.Position, clockUs uint64) {
	id := l.cfg.DB.ID()
	if l.cfg.Stored == nil || string(p.Database) != string(id[:]) || time.Since(time.UnixMicro(int64(clockUs))) > maxBehind {
		return
	}
	end, known := history(l.cfg.DB.History()).end(p.Incarnation)
	if known && p.Seq <= end && p.Seq <= l.cfg.DB.Durable() {
		l.cfg.Stored(ds, p.Seq)
	}
}
