package api

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"mbox/hotspotdb"
)

// accessValues are access attributes by name: numbers in the unit of the attribute, or text.
type accessValues map[string]any

// isText says whether an attribute's value is a text; a number otherwise.
func isText(spec hotspotdb.AttributeSpec) bool {
	return spec.Unit == "URL" || spec.Unit == "hours" || spec.Unit == "names"
}

func accessOf(attributes []hotspotdb.Attribute) accessValues {
	out := accessValues{}
	for _, a := range attributes {
		out[a.Name] = a.Value
		if spec, ok := hotspotdb.FindAttribute(a.Name); ok && !isText(spec) {
			if n, err := strconv.ParseUint(a.Value, 10, 32); err == nil {
				out[a.Name] = n
			}
		}
	}
	return out
}

func (accessValues) schema() object {
	properties := object{}
	for _, spec := range hotspotdb.AccessAttributes {
		p := object{"type": "integer", "minimum": 0, "maximum": 1<<32 - 1}
		if isText(spec) {
			p = object{"type": "string"}
		}
		p["description"] = spec.Help
		if spec.Unit != "" {
			p["description"] = spec.Help + " (" + spec.Unit + ")"
		}
		properties[spec.Name] = p
	}
	return object{"type": "object", "properties": properties}
}

// UnmarshalJSON takes known attributes with values of their type.
func (v *accessValues) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return refuse("attributes: expected an object")
	}
	*v = accessValues{}
	for name, value := range raw {
		spec, err := findAttribute(name)
		if err != nil {
			return err
		}
		if (*v)[spec.Name] != nil {
			return refuse("%s: is given twice; send it once", spec.Name)
		}
		var text string
		if isText(spec) {
			if json.Unmarshal(value, &text) != nil {
				return refuse("%s: expected a string", spec.Name)
			}
		} else if text = string(value); strings.Trim(text, "0123456789") != "" {
			return refuse("%s: expected a whole number of %s", spec.Name, spec.Unit)
		}
		if text, err = spec.Parse(text); err != nil {
			return err
		}
		(*v)[spec.Name] = text
	}
	return nil
}

func findAttribute(name string) (hotspotdb.AttributeSpec, error) {
	spec, ok := hotspotdb.FindAttribute(name)
	if ok {
		return spec, nil
	}
	var known []string
	for _, a := range hotspotdb.AccessAttributes {
		known = append(known, a.Name)
	}
	return spec, refuse("%s: is not an access attribute; known are %s", printable(name), strings.Join(known, ", "))
}

// access is what a user has of his own.
type access struct {
	ID       uint64       `json:"id"`
	Username string       `json:"username"`
	Usertype string       `json:"usertype" enum:"Username-Password,Auth-Type"`
	Profiles string       `json:"profiles" doc:"Names separated by commas; the first one wins"`
	Access   accessValues `json:"attributes" doc:"The account's own access attributes; they override the profiles'"`
}

func accessOfUser(a hotspotdb.Account) access {
	return access{a.ID, a.Username, shownType(a.UserType), strings.Join(a.Profiles, ","), accessOf(a.Attributes)}
}

func listAccess(c *call) (any, error) {
	out := []access{}
	if name := value[string](c, "username"); name != "" {
		return c.accessByName(name)
	}
	page, err := c.accountPage(hotspotdb.AccountSelect{})
	for _, a := range page {
		out = append(out, accessOfUser(a))
	}
	return out, err
}

func (c *call) accessByName(name string) (any, error) {
	out := []access{}
	c.last = true
	a, err := c.DB.Account(name)
	switch {
	case isNotFound(err) || err == nil && c.skip() > 0:
		return out, nil
	case err != nil:
		return nil, err
	}
	return append(out, accessOfUser(a)), nil
}

func getAccess(c *call) (any, error) {
	a, err := c.getAccount()
	return accessOfUser(a), err
}

// attachBody is the body of attach-access.
type attachBody struct {
	Access accessValues `json:"attributes" required:"true" doc:"Attributes to set, by name"`
}

func attachAccess(c *call) (any, error) {
	set := c.body.(*attachBody).Access
	if len(set) == 0 {
		return nil, refuse(`attributes: names nothing to set; send at least one, such as {"Session-Timeout":3600}`)
	}
	c.message = "access attached"
	return c.changeAccess(func(e *hotspotdb.AccountEdit) error {
		for _, spec := range hotspotdb.AccessAttributes {
			value, ok := set[spec.Name].(string)
			if !ok {
				continue
			}
			at := attributeAt(e, spec.Name)
			if at < 0 {
				e.Attributes = append(e.Attributes, hotspotdb.Attribute{Name: spec.Name, Value: value})
				continue
			}
			e.Attributes[at].Value = value
		}
		return nil
	})
}

// detachBody is the body of detach-access.
type detachBody struct {
	Names []string `json:"attributes" required:"true" doc:"Names of attributes to remove"`
}

func detachAccess(c *call) (any, error) {
	names := c.body.(*detachBody).Names
	if len(names) == 0 {
		return nil, refuse(`attributes: names nothing to remove; send at least one, such as ["Session-Timeout"]`)
	}
	c.message = "access detached"
	return c.changeAccess(func(e *hotspotdb.AccountEdit) error {
		for _, name := range names {
			spec, err := findAttribute(name)
			if err != nil {
				return err
			}
			at := attributeAt(e, spec.Name)
			if at < 0 {
				return refuse("attributes: %s does not have %s; send those that GET /user-access/{id} shows", e.Username, spec.Name)
			}
			e.Attributes = slices.Delete(e.Attributes, at, at+1)
		}
		return nil
	})
}

// changeAccess works on a copy: the old attributes are read again when the change is stored.
func (c *call) changeAccess(edit func(*hotspotdb.AccountEdit) error) (any, error) {
	a, err := c.changeAccount(func(_ *hotspotdb.Tx, e *hotspotdb.AccountEdit) error {
		e.Attributes = slices.Clone(e.Attributes)
		return edit(e)
	})
	if !c.user.may(usersRead) {
		a.Profiles, a.Attributes = nil, nil
	}
	return accessOfUser(a), err
}

func attributeAt(e *hotspotdb.AccountEdit, name string) int {
	return slices.IndexFunc(e.Attributes, func(a hotspotdb.Attribute) bool { return a.Name == name })
}
