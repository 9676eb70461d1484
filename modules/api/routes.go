package api

import "net/http"

// authPath is where a token is had.
const authPath = "/auth"

// routes is the table of all that can be asked for.
func routes() []*route {
	get, post, remove := http.MethodGet, http.MethodPost, http.MethodDelete
	return []*route{
		{method: post, path: authPath, summary: "Get a token", about: "The token is good for 15 minutes, and ends at once when its user is changed or removed.",
			body: loginRequest{}, result: loginResult{}, serve: login},

		{method: get, path: "/users", scope: usersRead, summary: "List users", about: "In an order that no change of a user changes; it is not alphabetical.",
			query: userQuery, result: user{}, paged: true, serve: listUsers},
		{method: post, path: "/users", scope: usersWrite, summary: "Add a user", body: createUser{}, result: user{}, tagged: true, created: true, changes: true, serve: postUser},
		{method: get, path: "/users/{id}", scope: usersRead, summary: "Show a user", result: user{}, tagged: true, serve: getUser},
		{method: post, path: "/users/{id}", scope: usersWrite, summary: "Change a user", about: "What is left out stays.",
			body: updateUser{}, result: user{}, tagged: true, changes: true, serve: postUserUpdate},
		{method: remove, path: "/users/{id}", scope: usersWrite, summary: "Delete a user", matched: true, changes: true, serve: deleteUser},
		{method: post, path: "/users/{id}/actions/attach-profile", scope: usersWrite, summary: "Give a user profiles", about: "They come behind those that the user has.",
			body: profilesBody{}, result: user{}, tagged: true, changes: true, serve: attachProfile},
		{method: post, path: "/users/{id}/actions/detach-profile", scope: usersWrite, summary: "Take profiles from a user",
			body: profilesBody{}, result: user{}, tagged: true, changes: true, serve: detachProfile},

		{method: get, path: "/user-access", scope: usersRead, summary: "List the users' own access attributes",
			query: []parameter{byUsername, afterUser}, result: access{}, paged: true, serve: listAccess},
		{method: get, path: "/user-access/{id}", scope: usersRead, summary: "Show a user's own access attributes", result: access{}, tagged: true, serve: getAccess},
		{method: post, path: "/user-access/{id}/actions/attach-access", scope: usersWrite, summary: "Set access attributes of a user",
			body: attachBody{}, result: access{}, tagged: true, changes: true, serve: attachAccess},
		{method: post, path: "/user-access/{id}/actions/detach-access", scope: usersWrite, summary: "Remove access attributes of a user",
			body: detachBody{}, result: access{}, tagged: true, changes: true, serve: detachAccess},

		{method: get, path: "/profiles", scope: profilesRead, summary: "List profiles", result: profile{}, paged: true, serve: listProfiles},
		{method: get, path: "/profiles/{name}/users", scope: usersRead, summary: "List the users of a profile",
			query: []parameter{searchUsers, afterUser}, result: user{}, paged: true, serve: listProfileUsers},

		{method: get, path: "/historical-sessions", scope: sessionsRead, summary: "List sessions that have ended", about: "The newest first; the times are those of the start.",
			query: sessionQuery, result: session{}, paged: true, serve: listHistory},
		{method: get, path: "/online-sessions", scope: sessionsRead, summary: "List sessions that go on", about: "The newest first.",
			query: sessionQuery, result: online{}, paged: true, serve: listOnline},

		{method: get, path: "/login-attempts", scope: attemptsRead, summary: "List login attempts", about: "The newest first.",
			query: attemptQuery, result: attempt{}, paged: true, serve: listAttempts},
		{method: get, path: "/quota-purchase-report", scope: quotaRead, summary: "List purchases of quota", about: "The newest first.",
			query: []parameter{since(), until(), byUsername}, result: purchase{}, paged: true, serve: listPurchases},
		{method: post, path: "/users/{id}/actions/add-quota", scope: quotaWrite, summary: "Sell quota to a user",
			about: "It is used when nothing free is left. If-Match may name a version of the user.", body: addQuota{}, result: purchase{}, keyed: true, matched: true, changes: true, serve: sellToUser},
		{method: post, path: "/vouchers/{code}/actions/add-quota", scope: quotaWrite, summary: "Sell quota to whoever uses a voucher",
			about: "It goes to the use that began last and has not ended.", body: addQuota{}, result: purchase{}, keyed: true, changes: true, serve: sellToVoucher},
		{method: get, path: "/audit", scope: auditRead, summary: "List who changed what", about: "The newest first.",
			query:  []parameter{since(), until(), text("username", "Changes of this account, or of whatever has this name"), text("author", "Changes by this one")},
			result: auditEntry{}, paged: true, serve: listAudit},

		{method: get, path: "/voucher-batches", scope: vouchersRead, summary: "List batches of vouchers", result: batch{}, paged: true, serve: listBatches},
		{method: post, path: "/voucher-batches", scope: vouchersWrite, summary: "Make vouchers", body: createBatch{}, result: createdBatch{}, created: true, changes: true, serve: postBatch},
		{method: get, path: "/voucher-batches/{name}", scope: vouchersRead, summary: "Show a batch", result: batch{}, serve: getBatch},
		{method: post, path: "/voucher-batches/{name}/actions/disable", scope: vouchersWrite, summary: "Disable all vouchers of a batch", result: batch{}, changes: true, serve: switchBatch(true)},
		{method: post, path: "/voucher-batches/{name}/actions/enable", scope: vouchersWrite, summary: "Enable a batch", result: batch{}, changes: true, serve: switchBatch(false)},
		{method: get, path: "/vouchers", scope: vouchersRead, summary: "List vouchers", about: "By code.", query: voucherQuery, result: voucher{}, paged: true, serve: listVouchers},
		{method: get, path: "/vouchers/{code}", scope: vouchersRead, summary: "Show a voucher", result: voucher{}, serve: getVoucher},
		{method: post, path: "/vouchers/{code}/actions/disable", scope: vouchersWrite, summary: "Disable a voucher", result: voucher{}, changes: true, serve: switchVoucher(true)},
		{method: post, path: "/vouchers/{code}/actions/enable", scope: vouchersWrite, summary: "Enable a voucher", result: voucher{}, changes: true, serve: switchVoucher(false)},
	}
}
