package event

// Kind implements [Body].
func (RunStarted) Kind() Kind { return KindRunStarted }

// Kind implements [Body].
func (NodePlanned) Kind() Kind { return KindNodePlanned }

// Kind implements [Body].
func (NodeReady) Kind() Kind { return KindNodeReady }

// Kind implements [Body].
func (NodeWaiting) Kind() Kind { return KindNodeWaiting }

// Kind implements [Body].
func (NodeStarted) Kind() Kind { return KindNodeStarted }

// Kind implements [Body].
func (NodeRetrying) Kind() Kind { return KindNodeRetrying }

// Kind implements [Body].
func (NodeLog) Kind() Kind { return KindNodeLog }

// Kind implements [Body].
func (NodeProgress) Kind() Kind { return KindNodeProgress }

// Kind implements [Body].
func (ChangeDone) Kind() Kind { return KindChangeDone }

// Kind implements [Body].
func (Checkpoint) Kind() Kind { return KindCheckpoint }

// Kind implements [Body].
func (NodeEnded) Kind() Kind { return KindNodeEnded }

// Kind implements [Body].
func (RunStopping) Kind() Kind { return KindRunStopping }

// Kind implements [Body].
func (RunEnded) Kind() Kind { return KindRunEnded }

func (b NodePlanned) subject() string  { return b.Node }
func (b NodeReady) subject() string    { return b.Node }
func (b NodeWaiting) subject() string  { return b.Node }
func (b NodeStarted) subject() string  { return b.Node }
func (b NodeRetrying) subject() string { return b.Node }
func (b NodeLog) subject() string      { return b.Node }
func (b NodeProgress) subject() string { return b.Node }
func (b ChangeDone) subject() string   { return b.Node }
func (b Checkpoint) subject() string   { return b.Node }
func (b NodeEnded) subject() string    { return b.Node }
