package memory

// normal returns a deep copy of a tree as the server keeps it: without nulls, and without empty parts of the metadata.
func normal(tree map[string]any) map[string]any {
	copied := copyMap(tree)
	metadata := metadataOf(copied)
	for field, value := range metadata {
		if isEmpty(value) {
			delete(metadata, field)
		}
	}
	delete(metadata, "managedFields")
	return copied
}

func copyMap(from map[string]any) map[string]any {
	to := make(map[string]any, len(from))
	for field, value := range from {
		if value != nil {
			to[field] = copyValue(value)
		}
	}
	return to
}

func copyValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		return copyMap(v)
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = copyValue(element)
		}
		return list
	}
	return value
}

// equal compares two values of trees.
func equal(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for field, value := range x {
			other, found := y[field]
			if !found || !equal(value, other) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !equal(x[i], y[i]) {
				return false
			}
		}
		return true
	}
	switch b.(type) {
	case map[string]any, []any:
		return false
	}
	return a == b
}

func isEmpty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}
