package state_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/state"
)

// One phase is applied; then the machine might lose its power at any time.
func Example() {
	must := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	temp, err := os.MkdirTemp("", "state")
	must(err)
	defer func() { must(os.RemoveAll(temp)) }()
	dir, now := filepath.Join(temp, "init"), time.Now()

	store, err := state.Open(dir, state.Self("apply", now))
	must(err)
	must(store.Append(
		state.RunStart{Run: state.Run{ID: "01JD", Operation: event.OperationApply, Pipeline: "init.hcl", Started: now}},
		state.NodeStart{Address: "phase.ca", Identity: state.Identity{Type: "pki.ca", Inputs: "4f2a"}, Attempt: 1, Time: now},
	))
	must(store.Sync(context.Background())) // from here on Apply may be called
	fmt.Println("before:", store.State().Nodes["phase.ca"].Status)
	must(store.Append(
		state.NodeEnd{Address: "phase.ca", Status: event.Succeeded, Outputs: json.RawMessage(`{"path":"/etc/ca.crt"}`), Time: now},
		state.RunEnd{Status: event.RunSucceeded, Time: now},
	))
	must(store.Close())

	later, err := state.Read(dir)
	must(err)
	fmt.Println("after:", later.Nodes["phase.ca"].Status, string(later.Success("phase.ca").Outputs))
	// Output:
	// before: applying
	// after: succeeded {"path":"/etc/ca.crt"}
}
