package preflight

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// clockSynchronised asks the kernel whether an NTP daemon keeps the clock.
func clockSynchronised() (bool, error) {
	const timeError = 5 // TIME_ERROR of adjtimex(2)
	var t unix.Timex    // no mode is set, so nothing is changed
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return false, fmt.Errorf("read clock: %w", err)
	}
	return state != timeError && t.Status&unix.STA_UNSYNC == 0, nil
}
