package lab

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// raiseLimits lets all hosts together watch as many files as one real host may:
// the users of namespaced hosts are those of this machine, and share its limits.
// They are raised, never lowered, and stay as they are when the lab is gone.
func raiseLimits() error {
	for name, least := range map[string]int{"max_user_instances": 1024, "max_user_watches": 65536} {
		file := "/proc/sys/fs/inotify/" + name
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if now, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || now >= least {
			continue
		}
		if err := os.WriteFile(file, []byte(strconv.Itoa(least)), 0o644); err != nil {
			return fmt.Errorf("raise fs.inotify.%s to %d: %w", name, least, err)
		}
	}
	return nil
}
