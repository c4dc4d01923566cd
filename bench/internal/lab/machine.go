package lab

import "runtime"

// Machine is what the figures were taken on.
type Machine struct {
	System string `json:"system"` // operating system and architecture
	Kernel string `json:"kernel,omitempty"`
	Cores  int    `json:"cores"`
	Go     string `json:"go"`
}

// ThisMachine is the one that this program runs on.
func ThisMachine() Machine {
	return Machine{
		System: runtime.GOOS + "/" + runtime.GOARCH, Kernel: kernel(),
		Cores: runtime.NumCPU(), Go: runtime.Version(),
	}
}
