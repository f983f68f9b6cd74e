// Package lab brings up real Kubernetes hosts on one Linux machine: systemd,
// sshd, containerd and kubelet, each in namespaces of its own, joined by a
// bridge that leads nowhere else. A registry beside them serves the images.
//
//	l, err := lab.Up(ctx, lab.Options{Hosts: 2, Images: true, Log: os.Stderr})
//	…
//	defer l.Down(ctx)
//	out, err := l.Host("n1").Run(ctx, "crictl", "info")
//
// Hosts are called n1, n2, … and have the addresses 10.99.0.11, 10.99.0.12, …;
// the registry is 10.99.0.1:5000. Labs of different names exist side by side:
// all they share are read-only files, see package kit.
//
// Everything that a lab makes on the machine is below its state directory
// (files, mounts, namespaces) or in control groups that are named there, so
// that what a killed run left can be found and removed, and nothing else.
package lab
