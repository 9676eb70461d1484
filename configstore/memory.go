package configstore

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"sync"
)

// memory is the engine of a box in rescue.
type memory struct {
	mu      sync.RWMutex // guards content, whose map is never changed once it is here
	content memoryKV
}

func newMemory() *memory { return &memory{content: memoryKV{}} }

func (m *memory) view(fn func(kv) error) error {
	m.mu.RLock()
	content := m.content
	m.mu.RUnlock()
	return fn(content)
}

func (m *memory) update(fn func(kv) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := maps.Clone(m.content)
	if err := fn(next); err != nil {
		return err
	}
	m.content = next
	return nil
}

func (m *memory) close() error { return nil }

type memoryKV map[string][]byte

func (m memoryKV) get(key string) []byte { return m[key] }

func (m memoryKV) put(key string, value []byte) error {
	m[key] = bytes.Clone(value)
	return nil
}

func (m memoryKV) delete(key string) error {
	delete(m, key)
	return nil
}

func (m memoryKV) scan(prefix string, fn func(string, []byte) error) error {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if strings.HasPrefix(key, prefix) {
			if err := fn(key, m[key]); err != nil {
				return err
			}
		}
	}
	return nil
}
