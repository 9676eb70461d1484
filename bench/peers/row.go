package main

import (
	"fmt"
	"math/rand/v2"
)

// row is a guest's account with about 300 bytes of content, the same in every system.
type row struct {
	Username, Password, Profile                                                              string
	Firstname, Lastname, Email, Mobile, Birthdate, Company, Address, Interests, Country, Zip string
}

// columns are the names of values, as mbox and the SQL tables have them.
var columns = []string{
	"username", "password", "profile",
	"firstname", "lastname", "email", "mobile", "birthdate", "company", "address", "interests", "country", "zip",
}

func (r *row) values() []string {
	return []string{
		r.Username, r.Password, r.Profile,
		r.Firstname, r.Lastname, r.Email, r.Mobile, r.Birthdate, r.Company, r.Address, r.Interests, r.Country, r.Zip,
	}
}

// marker is written last; who sees it at the replica has seen all before it.
func marker(name string) row { return named("~marker-"+name, 0) } // ~ sorts behind every other name

func numbered(i int) row { return named(fmt.Sprintf("guest%07d", i), uint64(i)) }

var (
	first     = []string{"Aisha", "Bernard", "Chitra", "Daniel", "Elena", "Farid", "Grace", "Hiroshi", "Ines", "Jun Wei", "Kavya", "Lukas", "Mei Ling"}
	last      = []string{"Tan", "Fernandez", "Subramaniam", "Kowalski", "Nakamura", "Abdullah", "Lim", "van der Berg", "O'Connor", "Wijaya", "Rossi"}
	streets   = []string{"Orchard Road", "Bukit Timah Road", "Jalan Besar", "Serangoon Avenue", "Raffles Quay", "East Coast Parkway", "Telok Blangah Rise"}
	companies = []string{"Harbour Logistics", "Meridian Hotels", "Sunrise Trading", "Lion City Engineering", "Pacific Foods", "Straits Consulting"}
	likes     = []string{"diving", "street food", "photography", "golf", "museums", "night markets", "hiking", "jazz", "spa", "shopping"}
)

// named fills a row with what differs from guest to guest about as much as real entries do.
func named(username string, seed uint64) row {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	f, l := pick(first), pick(last)
	return row{
		Username: username, Password: fmt.Sprintf("%08x", r.Uint32()), Profile: "guests",
		Firstname: f, Lastname: l, Email: fmt.Sprintf("%.3s.%.5s%d@mail%d.example.com", f, l, r.IntN(1e6), r.IntN(1000)),
		Mobile: fmt.Sprintf("+65%08d", 80_000_000+r.IntN(20_000_000)), Birthdate: fmt.Sprintf("%d-%02d-%02d", 1940+r.IntN(70), 1+r.IntN(12), 1+r.IntN(28)),
		Company:   fmt.Sprintf("%s Pte Ltd, department %d", pick(companies), r.IntN(100)),
		Address:   fmt.Sprintf("%d %s, block %c, #%02d-%03d", 1+r.IntN(300), pick(streets), 'A'+rune(r.IntN(26)), r.IntN(40), r.IntN(400)),
		Interests: fmt.Sprintf("%s, %s, %s; room %d for %d nights", pick(likes), pick(likes), pick(likes), r.IntN(2000), 1+r.IntN(14)),
		Country:   "SG", Zip: fmt.Sprintf("%06d", r.IntN(1e6)),
	}
}
