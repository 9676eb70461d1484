package main

import (
	"errors"
	"fmt"

	"mbox/bench/servers"
)

// site is where the peers live, and the certificates of both servers of a pair.
type site struct {
	*servers.Site
	ca        string // file
	cert, key string // files
}

func newSite() (*site, error) {
	at, err := servers.New("mbox-peers-")
	if err != nil {
		return nil, err
	}
	s := &site{Site: at}
	if err := s.certify(); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare %s: %w", s.Dir, err), s.Close())
	}
	return s, nil
}
