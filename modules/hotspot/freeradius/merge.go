package freeradius

import (
	"slices"

	"mbox/hotspotdb"
)

// Layer is one of the lists that FreeRADIUS joins for a user, in the order in which it joins them.
type Layer struct {
	Limits  []Limit
	Profile string // whose limits they are; empty: the user's own
}

// Effective is what the layers come to: an attribute counts from the first layer that has it, unless a later one replaces it.
func Effective(layers []Layer) []hotspotdb.Attribute {
	var out []hotspotdb.Attribute
	for _, layer := range layers {
		for _, l := range layer.Limits {
			i := slices.IndexFunc(out, func(a hotspotdb.Attribute) bool { return a.Name == l.Name })
			switch {
			case i < 0:
				out = append(out, l.Attribute)
			case l.Replaces:
				out[i] = l.Attribute
			}
		}
	}
	return out
}

// Own returns the attributes that an account needs beside its profiles to have exactly the effective ones: here an account's
// own attributes come first, then those of its profiles in their order. profiles holds what the profiles have here.
func Own(effective []hotspotdb.Attribute, profiles ...[]hotspotdb.Attribute) []hotspotdb.Attribute {
	var own []hotspotdb.Attribute
	for _, a := range effective {
		if inherited(a.Name, profiles) != a.Value {
			own = append(own, a)
		}
	}
	return own
}

func inherited(name string, profiles [][]hotspotdb.Attribute) string {
	for _, attributes := range profiles {
		for _, a := range attributes {
			if a.Name == name {
				return a.Value
			}
		}
	}
	return ""
}

// Attributes are the limits without their operators.
func Attributes(limits []Limit) []hotspotdb.Attribute {
	out := make([]hotspotdb.Attribute, len(limits))
	for i, l := range limits {
		out[i] = l.Attribute
	}
	return out
}
