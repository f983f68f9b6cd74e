package graph

import (
	"encoding/json"
	"io"
)

// WriteJSON writes nodes and edges, with all reasons and none left out.
func WriteJSON(w io.Writer, g *Graph) error {
	type node struct {
		ID     string   `json:"id"`
		Label  string   `json:"label"`
		Detail string   `json:"detail,omitempty"`
		Role   Role     `json:"role,omitempty"`
		Groups []string `json:"groups,omitempty"`
		Note   *Note    `json:"plan,omitempty"`
	}
	type edge struct {
		From    string   `json:"from"`
		To      string   `json:"to"`
		Kind    Kind     `json:"kind"`
		Reasons []Reason `json:"reasons,omitempty"`
	}
	doc := struct {
		Nodes []node `json:"nodes"`
		Edges []edge `json:"edges"` // from needs to
	}{Nodes: []node{}, Edges: []edge{}}
	for i, n := range g.nodes {
		var note *Note
		if g.notes != nil && g.notes[i].Action != "" {
			note = &g.notes[i]
		}
		doc.Nodes = append(doc.Nodes, node{n.ID, n.label(), n.Detail, n.Role, n.Groups, note})
	}
	for _, e := range g.Edges() {
		doc.Edges = append(doc.Edges, edge{e.From, e.To, e.Kind(), e.Reasons})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}
