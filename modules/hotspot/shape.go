package hotspot

import (
	"fmt"
	"reflect"
)

// shape is a zero value of the type whose JSON an object has, for docs/schema/: the members of an object are values, which no
// reflection on its type could find.
func shape(o object) any { return reflect.Zero(shapeOf(o)).Interface() }

// shapes is the same for a list of objects.
func shapes(o object) any { return reflect.Zero(reflect.SliceOf(shapeOf(o))).Interface() }

func shapeOf(o object) reflect.Type {
	var fields []reflect.StructField
	for i, m := range o {
		if m.key == "" {
			continue
		}
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprintf("Member%d", i), Type: reflect.TypeOf(m.value), Tag: reflect.StructTag(fmt.Sprintf("json:%q", m.key)),
		})
	}
	return reflect.StructOf(fields)
}
