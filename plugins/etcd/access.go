package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterflow/clusterflow/plugins/etcd/internal/etcdapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
)

const (
	// membersEvery is the time between two tries to change who is a member: 200 ms. A
	// whole join waits for each; kubeadm takes 500 ms.
	membersEvery = 200 * time.Millisecond
	// membersWithin is how long undo tries: kubeadm's timeout for etcd calls.
	membersWithin = 2 * time.Minute
)

// access leads to the members of a cluster. Its exported fields are recorded.
type access struct {
	// Endpoints are client URLs; those that answered last, once asked.
	Endpoints []string `json:"endpoints,omitempty"`
	CAFile    string   `json:"ca_file"`
	CertFile  string   `json:"cert_file"`
	KeyFile   string   `json:"key_file"`

	pool       *kubeapi.Pool
	kubeconfig string // where the pods of the members are listed; may be empty
}

// members asks who is in the cluster, which takes a quorum to say.
func (a *access) members(ctx context.Context) ([]*etcdapi.Member, error) {
	endpoints, err := a.endpoints(ctx)
	if err != nil {
		return nil, err
	}
	var list etcdapi.MemberListResponse
	err = a.any(ctx, endpoints, memberList(&list))
	return list.Members, err
}

// any puts a question to one endpoint after the other until one answers.
func (a *access) any(ctx context.Context, endpoints []string, q question) error {
	as := asker{CAFile: a.CAFile, CertFile: a.CertFile, KeyFile: a.KeyFile}
	if len(endpoints) == 0 {
		return errors.New("no client URL of a member is known")
	}
	var errs []error
	for _, endpoint := range endpoints {
		err := as.ask(ctx, endpoint, q)
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", endpoint, err))
	}
	if len(errs) == 1 {
		return permanently(errs[0])
	}
	return errors.Join(errs...)
}

// endpoints are those that were given, else what the members' pods tell.
func (a *access) endpoints(ctx context.Context) ([]string, error) {
	if len(a.Endpoints) > 0 || a.kubeconfig == "" {
		return a.Endpoints, nil
	}
	client, err := a.pool.Client(a.kubeconfig)
	if err != nil {
		return nil, err
	}
	pods, err := client.Objects(corev1.SchemeGroupVersion.WithResource("pods"), metav1.NamespaceSystem).
		List(ctx, metav1.ListOptions{LabelSelector: "component=etcd,tier=control-plane"})
	if err != nil {
		return nil, client.Explain(err)
	}
	var endpoints []string
	for _, pod := range pods.Items {
		if urls := pod.GetAnnotations()[annotationClient]; urls != "" {
			endpoints = append(endpoints, strings.Split(urls, ",")...)
		}
	}
	if len(endpoints) == 0 {
		return nil, sdk.Hint(errors.New("no pod of etcd tells where it is"),
			"Is there a pod etcd-NODE in kube-system? Else set endpoints.")
	}
	return endpoints, nil
}

// remember keeps where members were reached, for undo.
func (a *access) remember(urls []string) {
	if len(urls) > 0 {
		a.Endpoints = urls
	}
}

// turn is the turn of this host, where there is an API to ask for it.
func (a *access) turn(n node) *turn {
	return &turn{pool: a.pool, kubeconfig: a.kubeconfig, holder: n.Name + "=" + n.PeerURL, now: time.Now}
}

// node is the member of this host, there or to come.
type node struct {
	Name    string `json:"name"`
	PeerURL string `json:"peer_url"`
}

// in finds this host among the members: by its URL, else by its name.
func (n node) in(members []*etcdapi.Member) *etcdapi.Member {
	i := slices.IndexFunc(members, func(m *etcdapi.Member) bool { return slices.Contains(m.PeerURLs, n.PeerURL) })
	if i < 0 {
		i = slices.IndexFunc(members, func(m *etcdapi.Member) bool { return m.Name == n.Name })
	}
	if i < 0 {
		return nil
	}
	return members[i]
}

// others are all members but one, and where they are.
func others(members []*etcdapi.Member, self *etcdapi.Member) (list []*etcdapi.Member, urls []string) {
	for _, m := range members {
		if self == nil || m.ID != self.ID {
			list, urls = append(list, m), append(urls, m.ClientURLs...)
		}
	}
	return list, urls
}

// started reports that a member has told its name. Until then it is only known
// that it may come.
func started(m *etcdapi.Member) bool { return m.Name != "" }

// nameOf is what kubeadm calls a member in lists: its id if it has no name yet.
func nameOf(m *etcdapi.Member) string {
	if m.Name != "" {
		return m.Name
	}
	return fmt.Sprintf("%x", m.ID)
}
