package main

import "strings"

// allCases is the matrix.
func allCases() []testcase {
	m := &matrix{names: map[string]bool{}}
	m.single()
	m.recursive()
	m.filters()
	m.links()
	m.quiet()
	m.headers()
	m.types()
	m.copyHeaders()
	m.encryption()
	m.archived()
	m.streams()
	m.sync()
	m.syncMore()
	m.move()
	m.remove()
	m.list()
	m.buckets()
	m.presign()
	m.syntax()
	m.badInput()
	return m.cases
}

// short is what of a command line makes a name.
func short(command string) string { return strings.ReplaceAll(command, "'", "") }

// each adds a case for each command, all with the same before them, named by the
// group and the command.
func (m *matrix) each(group string, c testcase, commands ...string) {
	for _, command := range commands {
		m.add(group+"/"+short(command), command, c)
	}
}
