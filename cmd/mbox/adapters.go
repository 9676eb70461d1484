package main

import (
	"context"
	"io"
	"path/filepath"

	"mbox/configstore"
	"mbox/hotspotdb"
	"mbox/modules"
	boxsync "mbox/modules/sync"
)

// hotspotDir is the folder of the hotspot database, and the name of its part in a backup.
const hotspotDir = "hotspot"

// keyring is the config store's keyring as sync sees it.
type keyring struct{ *configstore.Keyring }

func (k keyring) Domain() boxsync.Domain { return boxsync.Domain(k.Keyring.Domain()) }

func (k keyring) Keys() []boxsync.DomainKey {
	keys := k.Keyring.Keys()
	out := make([]boxsync.DomainKey, len(keys))
	for i, key := range keys {
		out[i] = boxsync.DomainKey(key)
	}
	return out
}

func (k keyring) Merge(keys []boxsync.DomainKey) error { return k.Keyring.Merge(toStore(keys)) }

func (k keyring) Adopt(domain boxsync.Domain, keys []boxsync.DomainKey) error {
	return k.Keyring.Adopt(configstore.Domain(domain), toStore(keys))
}

func toStore(keys []boxsync.DomainKey) []configstore.DomainKey {
	out := make([]configstore.DomainKey, len(keys))
	for i, key := range keys {
		out[i] = configstore.DomainKey(key)
	}
	return out
}

// backups joins both stores into one file.
type backups struct{ parts }

func (b backups) hotspot() configstore.Part {
	part := configstore.Part{Name: hotspotDir, Export: b.db.Export, Import: hotspotdb.Import}
	if b.db != nil {
		part.Import = b.db.Restore // whoever was erased since the backup stays erased
	}
	return part
}

func (b backups) Backup(ctx context.Context, w io.Writer, passphrase string) error {
	if b.box.rescue != "" || b.db == nil {
		return &modules.Error{Message: "This box has no complete data to back up: " + b.box.notice()}
	}
	return configstore.WriteBackup(ctx, w, passphrase, b.store, b.hotspot())
}

func (b backups) Stage(ctx context.Context, r io.Reader, passphrase string) error {
	return configstore.Stage(ctx, b.box.dir, r, passphrase, b.hotspot())
}

func (b *box) path(name string) string { return filepath.Join(b.dir, name) }
