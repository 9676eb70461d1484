package main

// proofMutants break how two boxes prove that they hold the same, what a change does where it arrives, and what the status
// says of it.
func proofMutants() []mutant {
	return []mutant{
		{
			name: "digests-not-compared", rule: "8", file: "modules/sync/feed/proof.go",
			old:     "explained, known = in.proof.explains(difference)",
			new:     "explained = true",
			killers: []killer{inSync("TestMissingRecordsAreFoundAndFetched")},
		},
		{
			name: "any-difference-explained", rule: "8", file: "modules/sync/feed/proof.go",
			old:     "return ok && sum == difference, known",
			new:     "return ok, known",
			killers: []killer{inFeed("TestSiftWaitsForADifferenceToStay")},
		},
		{
			name: "explanation-outlives-the-difference", rule: "8", file: "modules/sync/feed/proof.go",
			old:     "case s == nil || s.difference != difference:",
			new:     "case s == nil:",
			killers: []killer{inFeed("TestSiftWaitsForADifferenceToStay")},
		},
		{
			name: "fleeting-differences-looked-at", rule: "8", file: "modules/sync/feed/proof.go",
			old:     "s.ripe = s.ripe || now.Sub(s.since) >= proofEvery/2",
			new:     "s.ripe = s.ripe || now.Sub(s.since) >= time.Hour",
			killers: []killer{inFeed("TestSiftWaitsForADifferenceToStay")},
		},
		{
			name: "alien-record-is-local", rule: "8", file: "modules/sync/feed/proof.go",
			old:     "known.unexplained++",
			new:     "known.local++",
			killers: []killer{inSync("TestRecordsThatThePrimaryLostAreAnAlarm")},
		},
		{
			name: "missing-records-not-fetched", rule: "8", file: "modules/sync/feed/proof.go",
			old:     "result, err := r.apply(ctx, hotspotdb.Batch{Dataset: ds, Changes: changes, Seqs: seqs})",
			new:     "result, err := r.apply(ctx, hotspotdb.Batch{Dataset: ds})",
			killers: []killer{inSync("TestMissingRecordsAreFoundAndFetched")},
		},
		{
			name: "repair-without-an-alarm", rule: "8", file: "modules/sync/status_watch.go",
			old:     "if n := grown(before.repaired, now.repaired); n > 0 {",
			new:     "if n := grown(before.repaired, now.repaired); n < 0 {",
			killers: []killer{inSync("TestMissingRecordsAreFoundAndFetched")},
		},
		{
			name: "tombstones-in-the-sums", rule: "8", file: "hotspotdb/digest.go",
			old:     "if c.Deleted {",
			new:     "if c.Deleted && len(c.Key) == 0 {",
			killers: []killer{inStore("TestSumsAreOverLiveRecords")},
		},
		{
			name: "stamp-not-in-the-sums", rule: "8", file: "hotspotdb/digest.go",
			old:     "h.buf = binary.BigEndian.AppendUint64(h.buf, c.Stamp.Clock)",
			new:     "",
			killers: []killer{inStore("TestSumsAreOverLiveRecords")},
		},
		{
			name: "content-not-in-the-sums", rule: "8", file: "hotspotdb/digest.go",
			old:     "h.buf = append(h.buf, c.Body...)",
			new:     "",
			killers: []killer{inStore("TestSumsAreOverLiveRecords|TestEqualStamps")},
		},
		{
			name: "sums-without-the-digest-key", rule: "8", file: "hotspotdb/digest.go",
			old:     "hi, lo := siphash.Hash128(h.k0, h.k1, h.buf)",
			new:     "hi, lo := siphash.Hash128(0, 0, h.buf)",
			killers: []killer{inStore("TestSetDigestKey")},
		},
		{
			name: "stored-bytes-written-anew", rule: "8", file: "hotspotdb/apply.go",
			old:     "prepared[i].admit(x, &h, b.Dataset, raw)",
			new:     "prepared[i].admit(x, &h, b.Dataset, func() []byte { c, err := DecodeChange(raw); if err != nil { return raw }; return AppendChange(nil, &c) }())",
			killers: []killer{inStore("TestStoredBytesAreAsTheyCame")},
		},
		{
			name: "edits-drop-unknown-fields", rule: "8", file: "hotspotdb/accounttx.go",
			old:     "body, err := proto.Marshal(m)\n",
			new:     "m.ProtoReflect().SetUnknown(nil)\n\tbody, err := proto.Marshal(m)\n",
			killers: []killer{inStore("TestEditKeepsUnknownFields")},
		},
		{
			name: "in-sync-without-a-proof", rule: "8", file: "modules/sync/status_judge.go",
			old:     "case t.unproved > 0:",
			new:     "case t.unproved < 0:",
			killers: []killer{inSync("TestFirstSyncThenLive|TestPositionBeyondTheEndStartsAnew|TestMissingRecordsAreFoundAndFetched")},
		},
		{
			name: "in-sync-although-late", rule: "8", file: "modules/sync/status_judge.go",
			old:     "case t.late >= lateBy.Seconds():",
			new:     "case t.late < 0:",
			killers: []killer{inSync("TestEveryStateOfAConnectedPeer")},
		},
		{
			name: "in-sync-by-an-old-proof", rule: "8", file: "modules/sync/status_judge.go",
			old:     "if d.VerifiedAt == nil || now.Sub(*d.VerifiedAt) > proofAge {",
			new:     "if d.VerifiedAt == nil {",
			killers: []killer{inSync("TestEveryStateOfAConnectedPeer")},
		},
		{
			name: "in-sync-although-records-differ", rule: "8", file: "modules/sync/status_judge.go",
			old:     "case t.unexplained > 0 && work == \"\":",
			new:     "case t.unexplained < 0 && work == \"\":",
			killers: []killer{inSync("TestRecordsThatThePrimaryLostAreAnAlarm")},
		},
		{
			name: "subscribers-before-the-commit", rule: "9", file: "hotspotdb/watch.go",
			old:     "upto := db.Durable()",
			new:     "upto := func() uint64 { v := db.View(); defer v.Close(); return v.Seq }()",
			killers: []killer{inStore("TestSubscribersHearOfDurableChangesOnly")},
		},
		{
			name: "subscribers-miss-replicated-changes", rule: "9", file: "hotspotdb/watch.go",
			old:     "e := first.entry\n",
			new:     "e := first.entry\n\t\tif e.Source.Kind != Local { first.more = first.next(); continue }\n",
			killers: []killer{inSync("TestSubscribersSeeReplicatedChanges")}, hangs: true,
		},
		{
			name: "disabled-account-keeps-its-session", rule: "9", file: "modules/hotspot/effects.go",
			old:     "case len(s.segments[c.id]) > 0:",
			new:     "case len(s.segments[c.id]) < 0:",
			killers: []killer{{"./modules/hotspot", "TestPeersChangesEndSessionsHere"}},
		},
	}
}
