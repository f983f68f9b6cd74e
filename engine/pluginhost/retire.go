package pluginhost

// Retire keeps the process from being handed out any more. Those who use it go on;
// the next lease of the plugin starts a new process.
func (l Lease) Retire() {
	k := key{l.process.child.binary.Digest, l.process.child.binary.Name}
	l.host.mu.Lock()
	defer l.host.mu.Unlock()
	if l.host.shared[k] == l.process {
		delete(l.host.shared, k)
	}
}

// Kill kills all plugins and their groups at once, and waits for nothing. It is for
// a process that is about to end.
func (h *Host) Kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for p := range h.processes {
		p.child.kill()
	}
}
