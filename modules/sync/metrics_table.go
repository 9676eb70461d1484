package sync

// family is one metric: names by the conventions of Prometheus, with units, counters ending in _total.
type family struct {
	name   string
	help   string
	count  bool // a counter
	labels []string
}

var (
	peerLabels    = []string{"peer", "role", "box"}
	datasetLabels = []string{"peer", "role", "box", "dataset", "direction"}
)

// families are all metrics of sync and of the database below it. docs/monitoring.md lists them.
var families = []family{
	{"mbox_sync_state", "1 for the state that the box as a whole is in.", false, []string{"state"}},
	{"mbox_sync_ready", "1 if the box has caught up since its start, or has waited long enough, and may serve.", false, nil},
	{"mbox_sync_paused", "1 while an operator has paused sync.", false, nil},
	{"mbox_sync_disk_full", "1 if changes of peers could not be stored in the last minute for lack of space.", false, nil},
	{"mbox_sync_disk_nearly_full", "1 while nothing is taken from followers because the disk is nearly full.", false, nil},
	{"mbox_sync_followers", "Connected followers by state.", false, []string{"state"}},
	{"mbox_sync_followers_behind_seconds_max", "How late the latest connected follower is.", false, nil},
	{"mbox_sync_set_aside_changes", "Changes that wait until the clock of this box reaches their stamps.", false, nil},
	{"mbox_sync_conflicts", "Entries of the conflict list.", false, nil},
	{"mbox_sync_acknowledge_required", "Boxes that must store a write before it is confirmed; 0: none is asked for.", false, nil},
	{"mbox_sync_acknowledge_ready", "Boxes that keep up well enough to confirm writes.", false, nil},
	{"mbox_sync_acknowledge_degraded", "1 while writes are not confirmed by other boxes although that is asked for.", false, nil},
	{"mbox_sync_unconfirmed_writes_total", "Writes that were stored but not confirmed by other boxes in time.", true, nil},
	{"mbox_sync_received_bytes_total", "Bytes received from peers.", true, []string{"role"}},
	{"mbox_sync_sent_bytes_total", "Bytes sent to peers.", true, []string{"role"}},
	{"mbox_sync_received_changes_total", "Changes received from peers.", true, []string{"role"}},
	{"mbox_sync_sent_changes_total", "Changes sent to peers.", true, []string{"role"}},
	{"mbox_sync_connections_total", "Connections made: to primaries, and by followers.", true, []string{"role"}},
	{"mbox_sync_refusals_total", "Connections refused, by this box or by a primary, by the code of the reason.", true, []string{"direction", "code"}},
	{"mbox_sync_repaired_records_total", "Records that had gone missing here and were fetched again: a digest alarm.", true, nil},
	{"mbox_sync_forgotten_changes_total", "Changes that peers had sent and then forgotten; they are kept here.", true, nil},
	{"mbox_sync_events_total", "Entries made in the log of sync.", true, []string{"event"}},
	{"mbox_sync_certificate_expiry_timestamp_seconds", "When the certificate of this box ends.", false, nil},

	{"mbox_sync_peer_state", "1 for the state that a peer is in.", false, append([]string{"state"}, peerLabels...)},
	{"mbox_sync_peer_connected", "1 while there is a connection to the peer.", false, peerLabels},
	{"mbox_sync_peer_standby", "1 for a primary in reserve: another one is followed.", false, peerLabels},
	{"mbox_sync_peer_behind_changes", "Changes that are not yet stored on the other side.", false, peerLabels},
	{"mbox_sync_peer_behind_seconds", "Age of the oldest change that is not yet stored on the other side.", false, peerLabels},
	{"mbox_sync_peer_verified_timestamp_seconds", "When every bucket was last found equal, or its difference explained.", false, peerLabels},
	{"mbox_sync_peer_clock_offset_seconds", "The clock of the peer minus ours.", false, peerLabels},
	{"mbox_sync_peer_local_records", "Records that differ because they were changed on one side only.", false, peerLabels},
	{"mbox_sync_peer_unexplained_records", "Records that differ without a reason.", false, peerLabels},
	{"mbox_sync_peer_received_bytes_total", "Bytes received on the present connection.", true, peerLabels},
	{"mbox_sync_peer_sent_bytes_total", "Bytes sent on the present connection.", true, peerLabels},
	{"mbox_sync_dataset_behind_changes", "Changes of a dataset that are not yet stored on the other side.", false, datasetLabels},
	{"mbox_sync_dataset_behind_seconds", "Age of the oldest of them.", false, datasetLabels},
	{"mbox_sync_dataset_verified_timestamp_seconds", "When every bucket of the dataset was last verified.", false, datasetLabels},

	{"mbox_hotspotdb_records", "Live records.", false, []string{"dataset"}},
	{"mbox_hotspotdb_tombstones", "Deletions that are still known.", false, []string{"dataset"}},
	{"mbox_hotspotdb_head_sequence", "Highest sequence of the dataset.", false, []string{"dataset"}},
	{"mbox_hotspotdb_floor_sequence", "Highest sequence among the deletions that were forgotten.", false, []string{"dataset"}},
	{"mbox_hotspotdb_changes_total", "Changes stored since the database was created, by sequence.", true, nil},
	{"mbox_hotspotdb_disk_bytes", "Bytes that the database takes on disk.", false, nil},
	{"mbox_hotspotdb_log_bytes_total", "Bytes written to the write-ahead log.", true, nil},
	{"mbox_hotspotdb_compactions_total", "Compactions of the storage engine.", true, nil},
}

// fsyncFamily is a histogram.
const (
	fsyncFamily = "mbox_hotspotdb_fsync_duration_seconds"
	fsyncHelp   = "Time that the disk took to make a group of writes durable."
)
