package main

import "slices"

// Killers of AAA.
func inAAA(run string) killer    { return killer{"./modules/aaa", run} }
func inPolicy(run string) killer { return killer{"./modules/aaa/policy", run} }
func inAcct(run string) killer   { return killer{"./modules/aaa/acct", run} }
func inAPI(run string) killer    { return killer{"./modules/api", run} }
func inScripts(run string) killer {
	return killer{"./cmd/mbox", "TestScript/(" + run + ")$"}
}

// aaaMutants break who gets in, what is counted, what a voucher is good for, and what the REST API lets pass.
func aaaMutants() []mutant {
	return slices.Concat(loginMutants(), countMutants(), shopMutants())
}

// loginMutants break packets, proofs, and what keeps a guest out.
func loginMutants() []mutant {
	return []mutant{
		{
			name: "unsigned-request-taken", rule: "login", file: "modules/aaa/serve.go",
			old:     "if !c.lenient || code == radius.CodeStatusServer",
			new:     "if code == radius.CodeStatusServer",
			killers: []killer{inAAA("TestMessageAuthenticatorIsRequired")},
		},
		{
			name: "forged-accounting-taken", rule: "login", file: "modules/aaa/serve.go",
			old:     "if !c.authentic(r.raw) {",
			new:     "if len(c.secret) == 0 {",
			killers: []killer{inAAA("TestForgedRequests")},
		},
		{
			name: "answers-unsigned", rule: "login", file: "modules/aaa/serve.go",
			old:     "p = newSigned(code, t.packet.Identifier)",
			new:     "p.Code = code",
			killers: []killer{inAAA("TestMessageAuthenticatorIsRequired|TestPublishedVectors")},
		},
		{
			name: "duplicate-served-again", rule: "login", file: "modules/aaa/answers.go",
			old:     "if now.Sub(old.begun) < answerWindow && string(",
			new:     "if now.Sub(old.begun) < 0 && string(",
			killers: []killer{inAAA("TestDuplicates")},
		},
		{
			name: "another-request-taken-for-a-duplicate", rule: "login", file: "modules/aaa/answers.go",
			old:     "string(old.authenticator[:]) == string(authenticator) {",
			new:     "len(authenticator) > 0 {",
			killers: []killer{inAAA("TestDuplicates")},
		},
		{
			name: "device-guesses-without-end", rule: "login", file: "modules/aaa/policy/failures.go",
			old:     "<= (deviceBurst-1)*devicePause",
			new:     "<= (deviceBurst+1000)*devicePause",
			killers: []killer{inPolicy("TestADeviceThatGuesses")},
		},
		{
			name: "lockout-of-a-device-everywhere", rule: "login", file: "modules/aaa/policy/failures.go",
			old:     "deviceKey{maphash.String(f.seed, a.NAS), ",
			new:     "deviceKey{0, ",
			killers: []killer{inPolicy("TestADeviceThatGuesses")},
		},
		{
			name: "lockout-of-those-who-never-failed", rule: "login", file: "modules/aaa/policy/failures.go",
			old:     "return deviceKey{maphash.String(f.seed, a.NAS), maphash.String(f.seed, a.mac)}",
			new:     "return deviceKey{0, maphash.String(f.seed, a.NAS+a.mac) % 1024}",
			killers: []killer{inPolicy("TestFailuresOfOneAreNotThoseOfOthers")},
		},
		{
			name: "codes-guessed-from-many-devices", rule: "login", file: "modules/aaa/policy/failures.go",
			old:     "*place = max(*place, now) + placePause",
			new:     "*place = max(*place, now)",
			killers: []killer{inPolicy("TestCodesGuessedFromManyDevices")},
		},
		{
			name: "session-outlives-its-account", rule: "login", file: "modules/aaa/policy/admit.go",
			old:     "return untilExpiry(s, now.at) }",
			new:     "return forever }",
			killers: []killer{inPolicy("TestSessionTimeoutIsTheLeast")},
		},
		{
			name: "login-time-ignored", rule: "login", file: "modules/aaa/policy/admit.go",
			old:     "p.untilHours(r.hours, now.at)",
			new:     "p.untilHours(nil, now.at)",
			killers: []killer{inPolicy("TestRulesOfAnAccount")},
		},
		{
			name: "one-device-more-than-allowed", rule: "login", file: "modules/aaa/policy/admit.go",
			old:     ">= r.simultaneous.n {",
			new:     "> r.simultaneous.n {",
			killers: []killer{inPolicy("TestSimultaneousUse")},
		},
		{
			name: "own-session-locks-out", rule: "login", file: "modules/aaa/policy/admit.go",
			old:     "mac == \"\" || s.MAC != mac {",
			new:     "mac == \"\" || s.ID != 0 {",
			killers: []killer{inPolicy("TestSimultaneousUse")},
		},
		{
			name: "device-outlives-the-password", rule: "login", file: "modules/aaa/policy/sticky.go",
			old:     "case who.state.passwordSet != bound.PasswordSet:",
			new:     "case who.state.passwordSet < 0:",
			killers: []killer{inPolicy("TestStickyEndsWithItsAccount")},
		},
	}
}

// countMutants break what sessions are counted as, and what ends them.
func countMutants() []mutant {
	return []mutant{
		{
			name: "class-ignored", rule: "count", file: "modules/aaa/decode.go",
			old:     "Account: accountOf(p),",
			new:     "Account: 0,",
			killers: []killer{inAAA("TestDecodeAccounting")},
		},
		{
			name: "gigawords-ignored", rule: "count", file: "modules/aaa/decode.go",
			old:     "o.High, o.Wide = number(p, high)",
			new:     "_ = high",
			killers: []killer{inScripts("radius-tools"), inAAA("TestDecodeAccounting")},
		},
		{
			name: "wrap-missed", rule: "count", file: "modules/aaa/acct/level.go",
			old:     "return v + wrap",
			new:     "return known",
			killers: []killer{inAcct("TestExactAtOneBox")},
		},
		{
			name: "late-report-wraps", rule: "count", file: "modules/aaa/acct/level.go",
			old:     "return known // of before the last wrap",
			new:     "return v",
			killers: []killer{inAcct("TestSessionsOfOneBox|TestExactAtOneBox")},
		},
		{
			name: "silent-session-stays-open", rule: "count", file: "modules/aaa/acct/run.go",
			old:     "if !s.closing || gone {",
			new:     "if s.closing || gone {",
			killers: []killer{inAcct("TestSilentSessionsAreClosed")},
		},
		{
			name: "delayed-report-is-a-sign-of-life", rule: "count", file: "modules/aaa/acct/live.go",
			old:     "r.client(), now-r.delay(), now+gather)",
			new:     "r.client(), now, now+gather)",
			killers: []killer{inAcct("TestDelayedReportIsNoSignOfLife")},
		},
		{
			name: "stop-of-another-session", rule: "count", file: "modules/aaa/acct/identify.go",
			old:     "if r.other(s) || !r.continues(s) {",
			new:     "if !r.continues(s) {",
			killers: []killer{inAcct("TestSessionsOfOneBox")},
		},
		{
			name: "answered-before-it-is-durable", rule: "count", file: "modules/aaa/acct/record.go",
			old:     "_, err = a.db.Wait(ctx, seen-1)",
			new:     "err = ctx.Err()",
			killers: []killer{inAcct("TestAnsweredWhenItIsDurable")},
		},
		{
			name: "imported-session-counts-twice", rule: "count", file: "modules/aaa/acct/imported.go",
			old:     "if owner.account == 0 || r.Status == Start || r.boot == after {",
			new:     "if owner.account != 0 || r.Status == Start || r.boot == after {",
			killers: []killer{inAcct("TestSessionGoesOnFromWhatWasImported")},
		},
		{
			name: "imported-session-of-another-guest", rule: "count", file: "modules/aaa/acct/imported.go",
			old:     "s.last().Account == owner.account &&",
			new:     "s.last().Account != 0 &&",
			killers: []killer{inAcct("TestImportedSessionsOfOthers")},
		},
		{
			name: "purchased-before-free", rule: "count", file: "modules/aaa/policy/quota.go",
			old:     "purchased = min(less(grown, b.Free), b.Purchased)",
			new:     "purchased = min(grown, b.Purchased)",
			killers: []killer{inPolicy("TestBudget")},
		},
		{
			name: "purchase-counts-against-free", rule: "count", file: "modules/aaa/policy/quota.go",
			old:     "less(quota.n, less(spent[period].Used, spent[period].Purchased))",
			new:     "less(quota.n, spent[period].Used)",
			killers: []killer{inPolicy("TestBudget")},
		},
		{
			name: "week-begins-on-sunday", rule: "count", file: "modules/aaa/policy/periods.go",
			old:     "day-(int(today)-int(p.Weekday)+7)%7",
			new:     "day-int(today)",
			killers: []killer{inPolicy("TestQuotaOfAWeek|TestPeriods")},
		},
		{
			name: "quota-not-enforced-while-online", rule: "count", file: "modules/aaa/policy/judge.go",
			old:     "return Verdict{End: true, ",
			new:     "return Verdict{",
			killers: []killer{inPolicy("TestJudgeQuota")},
		},
		{
			name: "nas-asked-once", rule: "count", file: "modules/aaa/acct/end.go",
			old:     "a.tells.set(&e.node, now+retryAfter(e.tries))",
			new:     "delete(a.endings, e.name)",
			killers: []killer{inAcct("TestDisconnectIsTriedAgain")},
		},
	}
}

// shopMutants break vouchers and the REST API.
func shopMutants() []mutant {
	return []mutant{
		{
			name: "last-use-has-two-winners", rule: "voucher", file: "hotspotdb/voucheruse.go",
			old:     "usedUp := len(uses) >= int(b.MaxUses) &&",
			new:     "usedUp := len(uses) > int(b.MaxUses) &&",
			killers: []killer{inStore("TestRedeemRace"), inPolicy("TestVoucherRace")},
		},
		{
			name: "voucher-after-its-batch-ended", rule: "voucher", file: "hotspotdb/voucheruse.go",
			old:     "case !b.Expires.IsZero() && !tx.now.Before(b.Expires), ended && usedUp:",
			new:     "case ended && usedUp:",
			killers: []killer{inStore("TestVoucherIsRefused")},
		},
		{
			name: "session-outlives-its-voucher", rule: "voucher", file: "modules/aaa/policy/voucher.go",
			old:     "who.ID, who.state.expires = use.ID, use.Expires",
			new:     "who.ID = use.ID",
			killers: []killer{inPolicy("TestVoucherLogin")},
		},
		{
			name: "device-outlives-its-voucher", rule: "voucher", file: "modules/aaa/policy/state.go",
			old:     "return voucherState(&v, &b, use.Expires), nil",
			new:     "return voucherState(&v, &b, time.Time{}), nil",
			killers: []killer{inPolicy("TestStickyEndsWithItsVoucher")},
		},
		{
			name: "device-outlives-the-code", rule: "voucher", file: "modules/aaa/policy/state.go",
			old:     "disabled: v.Disabled || b.Disabled",
			new:     "disabled: b.Disabled",
			killers: []killer{inPolicy("TestStickyEndsWithItsVoucher")},
		},
		{
			name: "scope-not-checked", rule: "rest", file: "modules/api/serve.go",
			old:     "case !u.may(c.route.scope):",
			new:     "case c.route.scope == \"\":",
			killers: []killer{inAPI("TestScopes")},
		},
		{
			name: "writing-is-reading", rule: "rest", file: "modules/api/users.go",
			old:     "if c.user.may(usersRead) {",
			new:     "if c.user.may(usersRead) || c.user.may(usersWrite) {",
			killers: []killer{inAPI("TestWritingIsNotReading")},
		},
		{
			name: "lost-update", rule: "rest", file: "modules/api/etag.go",
			old:     "len(header) > 0 && !matches(header, tag) {",
			new:     "len(header) > 0 && tag == \"\" {",
			killers: []killer{inAPI("TestLostUpdatesAreRefused")},
		},
		{
			name: "sold-twice", rule: "rest", file: "modules/api/quota.go",
			old:     "c.user.name + \"\\x00\" + key))",
			new:     "c.user.name + \"\\x00\" + key + c.Now().String()))",
			killers: []killer{inAPI("TestSoldOnce")},
		},
		{
			name: "key-of-another-user", rule: "rest", file: "modules/api/quota.go",
			old:     "\"mbox api purchase\\x00\" + c.user.name + ",
			new:     "\"mbox api purchase\\x00\" + ",
			killers: []killer{inAPI("TestKeysOfSales|TestSoldOnce")},
		},
		{
			name: "many-logins-at-once", rule: "rest", file: "modules/api/lockout.go",
			old:     "len(s.failed)+s.pending >= lockoutAttempts:",
			new:     "len(s.failed) >= lockoutAttempts:",
			killers: []killer{inAPI("TestLockout")},
		},
		{
			name: "api-token-outlives-the-secret", rule: "rest", file: "modules/api/token.go",
			old:     "[]byte(c.Generation)) != 1 {",
			new:     "[]byte(c.Generation)) < 0 {",
			killers: []killer{inAPI("TestTokenIsBoundToTheSecret")},
		},
		{
			name: "silence-keeps-others-out", rule: "rest", file: "modules/web/arrivals.go",
			old:     "yields = a.of[most][0]",
			new:     "return conn",
			killers: []killer{{"./modules/web", "TestSilenceOfManyCostsOnlyTheSilent"}},
		},
	}
}
