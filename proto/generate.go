// Package proto holds the schemas of what mbox keeps on disk and sends to its peers.
package proto

//go:generate protoc --proto_path=. --go_out=.. --go_opt=module=mbox hotspot.proto sync.proto
